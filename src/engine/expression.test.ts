import { expect, test } from 'vitest';
import type { Field } from '../model/field.ts';
import { ExactNumber, type JsonObject } from '../model/json.ts';
import { ExpressionError } from './expression-error.ts';
import { compileExpression } from './expression.ts';

function run(source: string, record: JsonObject = {}, fields: readonly Field[] | null = null) {
  return compileExpression(source, fields).evaluate((name) => record[name]);
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
    null,
  );
  expect(expression.fieldsUsed.toSorted()).toEqual(['name', 'odd', 'plan', 'tags']);
});

test('an unknown field is told when it compiles, with the nearest names', () => {
  expect(failure(() => compileExpression('plam != "free"', fields))).toMatchObject({
    code: 'unknown_field',
    nearest: ['plan'],
  });
  expect(failure(() => compileExpression('record["odd nam"]', fields)).code).toBe('unknown_field');
  expect(failure(() => compileExpression('plan ==', fields)).code).toBe('invalid_expression');
  expect(failure(() => compileExpression('nosuch(plan)', fields)).code).toBe('invalid_expression');
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
