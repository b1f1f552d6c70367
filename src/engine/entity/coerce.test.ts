import { expect, test } from 'vitest';
import * as fc from 'fast-check';
import { entityFieldTypes, type EntityFieldType } from '../../model/entity.ts';
import { ExactNumber, type Json } from '../../model/json.ts';
import { coerce } from './coerce.ts';

const cases: readonly [EntityFieldType, Json, Json | undefined][] = [
  ['text', 12.5, '12.5'],
  ['text', true, 'true'],
  ['text', new ExactNumber('12.50'), '12.50'],
  ['text', { b: 1, a: [null] }, '{"a":[null],"b":1}'],
  ['text', '', ''],
  ['number', ' 12.50 ', 12.5],
  ['number', '90071992547409931', new ExactNumber('90071992547409931')],
  ['number', 'twelve', undefined],
  ['number', '', undefined],
  ['number', true, undefined],
  ['integer', '42.0', 42],
  ['integer', 42.5, undefined],
  ['integer', new ExactNumber('90071992547409931.0'), new ExactNumber('90071992547409931')],
  ['integer', new ExactNumber('0.5'), undefined],
  ['boolean', 'T', true],
  ['boolean', 'false', false],
  ['boolean', 1, undefined],
  ['date', '2024-02-29', '2024-02-29'],
  ['date', '2023-02-29', undefined],
  ['date', '2024-02-01T23:30:00+02:00', '2024-02-01'],
  ['date', '1.2.2024', undefined],
  ['timestamp', '2024-02-01 10:00:00.120000+02', '2024-02-01T08:00:00.12Z'],
  ['timestamp', '2024-02-01', '2024-02-01T00:00:00Z'],
  ['timestamp', '1969-12-31T23:59:59.5Z', '1969-12-31T23:59:59.5Z'],
  ['timestamp', '1969-12-31 23:59:59.500001', '1969-12-31T23:59:59.500001Z'],
  ['timestamp', '2024-04-31T00:00:00Z', undefined],
  ['timestamp', '2024-13-01T00:00:00Z', undefined],
  ['timestamp', 1706745600, undefined],
  ['json', { a: 1 }, { a: 1 }],
];

test.each(cases)('%s holds %j as %j', (type, value, held) => {
  expect(coerce(value, type)).toEqual(held);
});

test('null fits everywhere', () => {
  expect(entityFieldTypes.map((type) => coerce(null, type))).toEqual(
    entityFieldTypes.map(() => null),
  );
});

test('what a field holds stays as it is', () => {
  const anyTime = fc
    .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
    .map((date) => date.toISOString());
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.boolean(),
        anyTime,
      ),
      fc.constantFrom(...entityFieldTypes),
      (value, type) => {
        const held = coerce(value, type);
        fc.pre(held !== undefined);
        expect(coerce(held, type)).toEqual(held);
      },
    ),
  );
});

test('equal instants are held alike', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4_000_000_000 }),
      fc.integer({ min: -12, max: 12 }),
      (seconds, hours) => {
        const utc = new Date(seconds * 1000).toISOString();
        const local = new Date((seconds + hours * 3600) * 1000).toISOString().slice(0, 19);
        const zone = `${hours < 0 ? '-' : '+'}${String(Math.abs(hours)).padStart(2, '0')}:00`;
        expect(coerce(local + zone, 'timestamp')).toBe(coerce(utc, 'timestamp'));
      },
    ),
  );
});
