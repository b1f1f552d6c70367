import { expect, test } from 'vitest';
import { Echo } from './echo.ts';

test('a value that was sent is found in any case, in an address, in JSON; others stay (R1)', () => {
  const sent = new Echo(
    [
      {
        operation: 'create',
        key: ['ada@x.org'],
        id: null,
        idempotencyKey: '1',
        values: {
          name: 'Ada "the"\nfirst',
          tags: [{ a: 'Kanari' }, 12345],
          ok: true,
          n: 1,
          cut: '\ud83d long',
        },
      },
    ],
    ['Geheim+/1'],
  );
  expect(
    sent.blank('ADA@X.ORG, ada%40x.org: Ada \\"the\\"\\nfirst and kanari, 12345 is taken, 1 ok'),
  ).toBe('…, …: … and …, … is taken, 1 ok');
  expect(sent.blank('{name:Ada \\the\\\\nfirst,auth:Bearer Geheim 1} (ada the first)')).toBe(
    '{name:…,auth:Bearer …} (…)',
  );
});

test('the longest value counts, and letters that change their length do no harm', () => {
  const operation = {
    operation: 'create',
    key: ['Kanari'],
    id: null,
    idempotencyKey: '1',
  } as const;
  const sent = new Echo([{ ...operation, values: { a: 'Kanarienvogel' } }], []);
  expect(sent.blank('Kanarienvogel Kanari')).toBe('… …');
  expect(sent.blank('İ kanari')).toBe('İ …');
});
