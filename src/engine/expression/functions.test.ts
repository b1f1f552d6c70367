import { expect, test } from 'vitest';
import { nothingKnown } from '../../model/field.ts';
import type { Json } from '../../model/json.ts';
import { compileExpression } from './expression.ts';
import { library } from './functions.ts';

function call(source: string, x: Json = null): Json {
  return compileExpression(source, nothingKnown).evaluate((name) => (name === 'x' ? x : null));
}

test('domain', () => {
  const hosts = [
    'https://www.Example.com/a?b',
    'ann@Example.com',
    'WWW.example.com.',
    'http://u:p@example.com:8080',
    'mailto:a@example.com',
    'example.com:80/x',
  ];
  expect(hosts.map((host) => call('domain(x)', host))).toEqual(
    Array(hosts.length).fill('example.com'),
  );
  expect([
    call('domain(x)', 'nothing here'),
    call('domain(x)', ''),
    call('domain(x)', 'localhost'),
  ]).toEqual([null, null, null]);
});

test('phones and addresses', () => {
  expect(call('e164(x, "DE")', '030 901820')).toBe('+4930901820');
  expect(call('e164(x)', '+1 (213) 373-4253')).toBe('+12133734253');
  expect(call('e164(x)', 'call me')).toBeNull();
  expect(call('email(x)', ' Ann@Example.COM ')).toBe('ann@example.com');
  expect(call('email(x)', 'ann at example')).toBeNull();
});

test('texts', () => {
  expect(call('upper(lower(trim(x)))', ' aB ')).toBe('AB');
  expect(call('initcap(x)', 'jean-luc PICARD')).toBe('Jean-Luc Picard');
  expect(call('concat(x, "-", 7)', 'a')).toBe('a-7');
  expect(call('join([x, null, "c"], " ")', 'a')).toBe('a c');
  expect(call('replace(x, ".", "$&")', 'a.b.c')).toBe('a$&b$&c');
  expect([
    call('split(x, ",")', 'a,b'),
    call('split(x, ",", 1)', 'a,b'),
    call('split(x, ",", 9)', 'a,b'),
  ]).toEqual([['a', 'b'], 'b', null]);
  expect([call('substr(x, 1)', 'a😀c'), call('substr(x, 1, 1)', 'a😀c')]).toEqual(['😀c', '😀']);
  expect([call('text(x)', 42), call('text(x)', true)]).toEqual(['42', 'true']);
});

test('numbers and dates', () => {
  expect([call('number(x)', ' 42 '), call('number(x)', '1.5e2'), call('number(x)', '')]).toEqual([
    42,
    150,
    null,
  ]);
  expect([call('round(x, 2)', 1.005), call('round(x)', -2.5), call('round(x, 2)', 7)]).toEqual([
    1.01, -3, 7,
  ]);
  expect(call('date(x)', '2024-01-02T03:04:05.123456Z')).toBe('2024-01-02');
  expect(call('date(x)', '2024-01-02T00:30:00+02:00')).toBe('2024-01-01');
  expect(call('coalesce(x, null, "b")')).toBe('b');
});

test('every function answers null with null', () => {
  for (const [name, { arity }] of Object.entries(library)) {
    const args = ['x', ...Array.from({ length: arity[0] - 1 }, () => 'null')];
    expect(call(`${name}(${args.join(', ')})`)).toBeNull();
  }
});
