import { expect, it } from 'vitest';
import { at, withAt } from './paths.ts';

it('reads through lists, and prefers a name that holds dots', () => {
  const body = { errors: [{ code: '602', at: ['x'] }], 'a.b': 1, a: { b: 2 } };
  expect(at(body, 'errors.0.code')).toBe('602');
  expect(at(body, 'errors.0.at.0')).toBe('x');
  expect(at(body, 'errors.1.code')).toBeUndefined();
  expect(at(body, 'errors.length')).toBeUndefined();
  expect(at(body, 'a.b')).toBe(1);
  expect(at([1, 2], '')).toEqual([1, 2]);
  expect(at('text', 'length')).toBeUndefined();
});

it('writes into a copy, through lists and into what is missing', () => {
  const body = { query: { value: [{ field: 'a', value: 0 }] } };
  expect(withAt(body, 'query.value.0.value', 7)).toEqual({
    query: { value: [{ field: 'a', value: 7 }] },
  });
  expect(withAt(body, 'pagination.starting_after', 'x')).toEqual({
    ...body,
    pagination: { starting_after: 'x' },
  });
  expect(withAt({ list: [1] }, 'list.5', 7)).toEqual({ list: [1] });
  expect(body).toEqual({ query: { value: [{ field: 'a', value: 0 }] } });
  expect(JSON.stringify(withAt({}, '__proto__.polluted', 1))).toBe('{"__proto__":{"polluted":1}}');
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});
