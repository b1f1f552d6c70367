import type { MatchPart } from '../../model/entity.ts';
import type { JsonObject } from '../../model/json.ts';
import type { Match } from '../../model/match.ts';
import { canonicalPart } from '../values/canonical-key.ts';
import type { Expression } from '../expression/expression.ts';
import { evaluated } from './evaluated.ts';

/** One alternative of match rules: records are equal by it whose keys are. */
export interface MatchRule {
  /** Canonical text of the rule, part of every key: the same for rules that say the same. */
  readonly name: string;
  /** The entity's fields that it reads. */
  readonly fields: readonly string[];
  /** The key of a record; null when a part is null, missing or empty, or its expression fails. */
  keyOf(values: JsonObject): string | null;
}

type Part =
  | { readonly name: string; readonly field: string; readonly match: Match }
  | { readonly name: string; readonly expr: Expression };

const exact: Match = { caseInsensitive: false, trim: false };
/** Ends the rule's name in a key. A name is JSON text and holds no line break. */
const end = '\n';

/** @param compile makes an expression over the entity's fields */
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
        key += JSON.stringify(text);
      }
      return key;
    },
  };
}

/** The rules without those that say the same as an earlier one. */
export function distinctRules(rules: readonly MatchRule[]): MatchRule[] {
  const names = rules.map((rule) => rule.name);
  return rules.filter((rule, at) => names.indexOf(rule.name) === at);
}

/** The name of the rule that a match key belongs to. */
export function ruleOf(key: string): string {
  return key.slice(0, Math.max(0, key.indexOf(end)));
}

/** A text that changes when the set of rules does: the stored index of keys must be rebuilt then. */
export function rulesFingerprint(rules: readonly MatchRule[]): string {
  return JSON.stringify(rules.map((rule) => rule.name).toSorted());
}

/** In the order of their names, for the order of parts changes nothing. */
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
  return canonicalPart(evaluated(part.expr, values), exact);
}
