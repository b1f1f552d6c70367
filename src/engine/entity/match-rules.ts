import type { MatchPart } from '../../model/entity.ts';
import type { JsonObject } from '../../model/json.ts';
import type { Match } from '../../model/match.ts';
import { canonicalPart } from '../values/canonical-key.ts';
import type { Expression } from '../expression/expression.ts';
import { evaluateOrNull } from './evaluate-or-null.ts';

/** One alternative of match rules. Two records are equal by it when their keys are equal. */
export interface MatchRule {
  /** The canonical text of the rule, which is part of every key. Rules that mean the same have the same name. */
  readonly name: string;
  /** The entity's fields that it reads. */
  readonly fields: readonly string[];
  /**
   * Returns the key of a record, in Unicode's composed form (NFC); null when a part is null, missing or empty, or its
   * expression fails.
   */
  keyOf(values: JsonObject): string | null;
}

type Part =
  | { readonly name: string; readonly field: string; readonly match: Match }
  | { readonly name: string; readonly expr: Expression };

const exact: Match = { caseInsensitive: false, trim: false };
/** Separates the rule's name from the rest of a key. A name is JSON text and holds no line break. */
const end = '\n';

/**
 * Compiles one rule.
 * @param compile compiles an expression over the entity's fields
 */
export function compileRule(
  parts: readonly MatchPart[],
  compile: (source: string) => Expression,
): MatchRule {
  const compiled = distinct(parts.map((part) => compilePart(part, compile)));
  const name = JSON.stringify(compiled.map((part) => part.name));
  const fields = compiled.flatMap((part) => ('expr' in part ? part.expr.fieldsUsed : part.field));
  const prefix = name + end;
  return {
    name,
    fields: [...new Set(fields)],
    keyOf: (values) => {
      let key = prefix;
      for (const part of compiled) {
        const text = partOf(part, values);
        if (text === null) return null;
        // A letter with an accent is one character or two. People see no difference, and systems store either.
        key += JSON.stringify(text.normalize('NFC'));
      }
      return key;
    },
  };
}

/** Returns the rules without those that mean the same as an earlier one. */
export function distinctRules(rules: readonly MatchRule[]): MatchRule[] {
  const names = rules.map((rule) => rule.name);
  return rules.filter((rule, at) => names.indexOf(rule.name) === at);
}

/** Returns the name of the rule that a match key belongs to. */
export function ruleOf(key: string): string {
  return key.slice(0, Math.max(0, key.indexOf(end)));
}

/** Returns a text that changes when the set of rules does. Then the stored index of match keys must be rebuilt. */
export function rulesFingerprint(rules: readonly MatchRule[]): string {
  return JSON.stringify(['NFC', ...rules.map((rule) => rule.name).toSorted()]);
}

/** Returns the parts, each once, sorted by name: their order does not change what a rule means. */
function distinct(parts: readonly Part[]): Part[] {
  const byName = new Map(parts.map((part) => [part.name, part]));
  return [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function compilePart(part: MatchPart, compile: (source: string) => Expression): Part {
  if (typeof part === 'string') return { name: part, field: part, match: exact };
  if ('expr' in part) return { name: `= ${part.expr}`, expr: compile(part.expr) };
  const { field, caseInsensitive, trim } = part;
  const name = field + (caseInsensitive ? ' caseInsensitive' : '') + (trim ? ' trim' : '');
  return { name, field, match: { caseInsensitive, trim } };
}

function partOf(part: Part, values: JsonObject): string | null {
  if ('field' in part) return canonicalPart(values[part.field], part.match);
  return canonicalPart(evaluateOrNull(part.expr, values), exact);
}
