import { expect, test } from 'vitest';
import { nothingKnown, type Field } from '../../model/field.ts';
import { ExactNumber, type JsonObject } from '../../model/json.ts';
import { ExpressionError } from './expression-error.ts';
import { compileExpression } from './expression.ts';
import { stableText } from '../values/stable-text.ts';

function run(source: string, record: JsonObject = {}, fields: readonly Field[] = []) {
  return compileExpression(source, { fields }).evaluate((name) =>
    Object.hasOwn(record, name) ? record[name] : undefined,
  );
}

function failure(action: () => unknown): ExpressionError {
  try {
    action();
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
  throw new Error('did not fail');
}

const fields: Field[] = [
  { name: 'plan', type: 'text' },
  { name: 'type', type: 'text' },
  { name: 'price', type: 'decimal' },
  { name: 'odd name', type: 'text' },
];

test('null compares without an error', () => {
  expect(run('plan != "free"', { plan: null })).toBe(true);
  expect(run('plan == "free"', { plan: null })).toBe(false);
  expect(run('plan == "free"', {})).toBe(false);
  expect(run('age > 18', { age: null })).toBe(false);
  expect(run('plan == null', { plan: null })).toBe(true);
});

test('numbers mix', () => {
  expect(run('price * 2', { price: 1.5 })).toBe(3);
  expect(run('price > 10', { price: 12 }, fields)).toBe(true);
  expect(run('price == 12', { price: 12 }, fields)).toBe(true);
  expect(run('n', { n: new ExactNumber('9007199254740993') })).toEqual(
    new ExactNumber('9007199254740993'),
  );
});

const numbers: Field[] = [
  { name: 'num', type: 'decimal' },
  { name: 'big', type: 'integer' },
  { name: 'real', type: 'float' },
  { name: 'data', type: 'json' },
];

function exactly(source: string, record: JsonObject): string {
  return stableText(run(source, record, numbers)).replaceAll('"', '');
}

test('decimals are computed with exactly', () => {
  const num = new ExactNumber('12345678901234567.123456');
  expect(run('num', { num }, numbers)).toEqual(num);
  expect(run('num', { num: new ExactNumber('1.10') }, numbers)).toEqual(new ExactNumber('1.10'));
  expect(exactly('num + 1', { num })).toBe('12345678901234568.123456');
  expect(exactly('num * 2.5 - num', { num })).toBe('18518518351851850.685184');
  expect(exactly('-num', { num })).toBe('-12345678901234567.123456');
  expect(exactly('round(num, 3)', { num })).toBe('12345678901234567.123');
  expect(exactly('string(num) + text(num)', { num: 0.1 })).toBe('0.10.1');
  expect(exactly('num + 0.2', { num: 0.1 })).toBe('0.3');
  expect(exactly('num / 2', { num: 3 })).toBe('1.5');
  expect(exactly('number("0.10000000000000000001") + 1', {})).toBe('1.10000000000000000001');
});

test('numbers inside JSON values are exact', () => {
  const data = { price: 0.1, id: new ExactNumber('12345678901234567890'), of: [0.1, 2] };
  expect(exactly('data.price + 0.2', { data })).toBe('0.3');
  expect(exactly('data.id + 1', { data })).toBe('12345678901234567891');
  expect(exactly('data.of.map(x, x * 3)[0]', { data })).toBe('0.3');
});

test('whole numbers stay whole, and beyond 64 bits they fail by name', () => {
  const big = new ExactNumber('9007199254740993');
  expect(exactly('big + 1', { big })).toBe('9007199254740994');
  expect(exactly('big * 1.5', { big })).toBe('13510798882111489.5');
  expect(exactly('big / 2', { big: 7 })).toBe('3');
  const most = new ExactNumber('9223372036854775807');
  expect(failure(() => run('big + 1', { big: most }, numbers)).message).toBe('numeric overflow');
  expect(exactly('num + big', { num: 1, big: most })).toBe('9223372036854775808');
});

test('numbers of different kinds compare by value', () => {
  const num = new ExactNumber('9007199254740993');
  expect(run('num == 9007199254740993', { num }, numbers)).toBe(true);
  expect(run('num == 9007199254740992.0', { num }, numbers)).toBe(false);
  expect(run('big == 9007199254740992.0', { big: num }, numbers)).toBe(false);
  expect(run('num > 9007199254740992.0 && num < 9007199254740994', { num }, numbers)).toBe(true);
  expect(run('num == 0.1', { num: 0.1 }, numbers)).toBe(true);
  expect(run('num != 0.1', { num: new ExactNumber('0.10') }, numbers)).toBe(false);
  expect(run('num in [10, 0.5]', { num: 0.5 }, numbers)).toBe(true);
  expect(run('num in [10, 0.5]', { num: 10 }, numbers)).toBe(true);
  expect(run('1.5 in data', { data: [1, 1.5] }, numbers)).toBe(true);
  expect(run('data == [1, 1.5, {"a": 2.50}]', { data: [1, 1.5, { a: 2.5 }] }, numbers)).toBe(true);
  expect(run('data != [1, 1.5]', { data: [1, 1.5] }, numbers)).toBe(false);
  expect(run('data.exists(x, x in [2.5])', { data: [1, 2.5] }, numbers)).toBe(true);
});

test('doubles stay doubles, and NaN is neither more nor less than anything', () => {
  expect(run('real + real', { real: 0.1 }, numbers)).toBe(0.2);
  expect(run('real / 3', { real: 0.1 }, numbers)).toBe(0.1 / 3);
  expect(run('real * 3', { real: 0.1 }, numbers)).toBe(0.3);
  expect(run('real', { real: 'Infinity' }, numbers)).toBe('Infinity');
  expect(run('num', { num: 'NaN' }, numbers)).toBe('NaN');
  expect(run('num + 1', { num: 'NaN' }, numbers)).toBe('NaN');
  expect(run('num > 1 || num <= 1 || num == 1.0', { num: 'NaN' }, numbers)).toBe(false);
  expect(run('num > 1', { num: null }, numbers)).toBe(false);
});

test('a map may hold names that every object knows', () => {
  const data = JSON.parse('{"__proto__": 1}') as JsonObject;
  expect(run('data', { data }, numbers)).toEqual(data);
  expect(run('has(data.constructor)', { data: {} }, numbers)).toBe(false);
  expect(run('"constructor" in data', { data: {} }, numbers)).toBe(false);
  expect(run('constructor', {})).toBeNull();
  const written = run('{"constructor": data, "__proto__": {"prototype": 1}, 2: null}', { data: 1 });
  expect(JSON.stringify(written)).toBe('{"2":null,"constructor":1,"__proto__":{"prototype":1}}');
  expect(run('{"a": {"b": data}}.a.b == {"c": data}.c', { data: 2.5 })).toBe(true);
});

test('fields named like a type, odd names, and branches of different types', () => {
  expect(
    run('type in ["Prospect", "Partner"] ? type : "Other"', { type: 'Customer' }, fields),
  ).toBe('Other');
  expect(run('record["odd name"]', { 'odd name': 'x' }, fields)).toBe('x');
  expect(run('plan == "free" ? null : 3', { plan: 'free' }, fields)).toBeNull();
  expect(run('type(plan) == string', { plan: 'x' }, fields.slice(0, 1))).toBe(true);
});

test('fieldsUsed leaves out what macros bind', () => {
  const expression = compileExpression(
    'tags.exists(t, t == plan) && cel.bind(x, name, x + record["odd"] != "")',
    nothingKnown,
  );
  expect(expression.fieldsUsed.toSorted()).toEqual(['name', 'odd', 'plan', 'tags']);
});

test('an unknown field is told when it compiles, with the nearest names', () => {
  expect(failure(() => compileExpression('plam != "free"', { fields }))).toMatchObject({
    code: 'unknown_field',
    nearest: ['plan'],
  });
  expect(failure(() => compileExpression('record["odd nam"]', { fields })).code).toBe(
    'unknown_field',
  );
  expect(failure(() => compileExpression('plan ==', { fields })).code).toBe('invalid_expression');
  expect(failure(() => compileExpression('nosuch(plan)', { fields })).code).toBe(
    'invalid_expression',
  );
});

test('R1: a failure never quotes a value', () => {
  for (const source of [
    'bool(s)',
    's.matches(s)',
    'number(s)',
    'int(s)',
    'record["x"][s]',
    'date(s)',
  ]) {
    const error = failure(() => run(source, { s: 'secret(', x: {} }));
    expect(error.code).toBe('expression_failed');
    expect(error.message).not.toContain('secret');
  }
});

test('results become JSON', () => {
  expect(run('{"a": [1, 2.5, n]}', { n: null })).toEqual({ a: [1, 2.5, null] });
  expect(run('timestamp("2024-01-02T03:04:05Z")')).toBe('2024-01-02T03:04:05.000Z');
  expect(run('b"hi"')).toBe('aGk=');
  expect(run('o.?x.orValue("none")', { o: {} })).toBe('none');
});
