import { expect, test } from 'vitest';
import type { MatchPart } from '../../model/entity.ts';
import { nothingKnown } from '../../model/field.ts';
import { compileExpression } from '../expression/expression.ts';
import { compileRule, distinctRules, ruleOf, rulesFingerprint } from './match-rules.ts';

const rule = (...parts: MatchPart[]): ReturnType<typeof compileRule> =>
  compileRule(parts, (source) => compileExpression(source, nothingKnown));
const loose = { field: 'name', caseInsensitive: true, trim: true };

test('records are equal by a rule when its keys are', () => {
  expect(rule('name').keyOf({ name: 'Acme' })).not.toBe(rule('name').keyOf({ name: 'acme' }));
  expect(rule(loose).keyOf({ name: ' Acme' })).toBe(rule(loose).keyOf({ name: 'acme' }));
  const domain = rule({ expr: 'domain(site)' });
  expect(domain.keyOf({ site: 'https://www.acme.org/x' })).toBe(domain.keyOf({ site: 'acme.org' }));
  expect(rule('size').keyOf({ size: 42 })).toBe(rule('size').keyOf({ size: 42.0 }));
});

test('accented letters are equal however they are composed', () => {
  const [composed, decomposed] = ['Caf\u00e9', 'Cafe\u0301'];
  expect(rule('name').keyOf({ name: composed })).toBe(rule('name').keyOf({ name: decomposed }));
  expect(rule(loose).keyOf({ name: decomposed })).toBe(rule(loose).keyOf({ name: 'CAF\u00c9' }));
  expect(rule('name').keyOf({ name: 'Cafe' })).not.toBe(rule('name').keyOf({ name: composed }));
});

test('a part that is null, missing or empty, or an expression that fails, makes no key', () => {
  expect(rule('name', 'city').keyOf({ name: 'Acme' })).toBeNull();
  expect(rule('name').keyOf({ name: null })).toBeNull();
  expect(rule(loose).keyOf({ name: '  ' })).toBeNull();
  expect(rule({ expr: 'number(name)' }).keyOf({ name: 'x' })).toBeNull();
});

test('keys of several parts do not run into one another', () => {
  const both = rule('a', 'b');
  expect(both.keyOf({ a: 'x"', b: 'y' })).not.toBe(both.keyOf({ a: 'x', b: '"y' }));
});

test('rules that say the same are one, others never share a key', () => {
  const same = [rule('a', 'b'), rule('b', { field: 'a', caseInsensitive: false, trim: false })];
  expect(distinctRules(same)).toHaveLength(1);
  expect(rule('name').keyOf({ name: 'acme' })).not.toBe(rule(loose).keyOf({ name: 'acme' }));
  expect(ruleOf(rule(loose).keyOf({ name: 'acme' }) ?? '')).toBe(rule(loose).name);
});

test('the fingerprint follows the set of rules, not its order', () => {
  const [a, b] = [rule('a'), rule('b')];
  expect(rulesFingerprint([a, b])).toBe(rulesFingerprint([b, a]));
  expect(rulesFingerprint([a, b])).not.toBe(rulesFingerprint([a]));
});
