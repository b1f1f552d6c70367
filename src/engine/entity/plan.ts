import type { EntityFieldType, EntitySpec, MatchRules } from '../../model/entity.ts';
import type { Field, FieldType, KnownFields } from '../../model/field.ts';
import type { JsonObject } from '../../model/json.ts';
import { similarNames } from '../../model/nearest.ts';
import { didYouMean } from '../expression/did-you-mean.ts';
import { ExpressionError } from '../expression/expression-error.ts';
import { compileExpression, type Expression } from '../expression/expression.ts';
import { MappingError } from '../mapping/mapping.ts';
import { compileAuthority, type Authority } from './authority.ts';
import { compileDerived, type DerivedField } from './derived.ts';
import { compileRule, distinctRules, type MatchRule } from './match-rules.ts';
import { compileMerge, type MergePlan } from './merge-plan.ts';
import { compileSource, type SourcePlan } from './source-plan.ts';

export type { Incoming, SourcePlan } from './source-plan.ts';

/** A checked and compiled entity. */
export interface EntityPlan {
  readonly spec: EntitySpec;
  /** The entity's own fields, including derived ones. They are the source fields of its destinations. */
  readonly fields: readonly Field[];
  readonly sources: Readonly<Record<string, SourcePlan>>;
  /** The rules of all `attach` and of `merge`, each once. */
  readonly rules: readonly MatchRule[];
  /** The entity's fields that match rules read. */
  readonly ruleFields: ReadonlySet<string>;
  /** Derived fields, each after the fields that it uses. */
  readonly derived: readonly DerivedField[];
  readonly authority: ReadonlyMap<string, Authority>;
  readonly merge: MergePlan | null;
}

const fieldTypes: Readonly<Record<EntityFieldType, FieldType>> = {
  text: 'text',
  number: 'decimal',
  integer: 'integer',
  boolean: 'boolean',
  date: 'date',
  timestamp: 'timestamptz',
  json: 'json',
};

/**
 * Checks and compiles an entity.
 *
 * @param fieldsOf returns the fields of a source's stream
 * @throws MappingError with a path from the entity: `unknown_field`, `invalid_expression`, `invalid_field`,
 *   `derived_field` (a source sets it), `derived_cycle`, `missing_authority`, `unknown_source`, `unmapped_field`
 */
export function compileEntity(
  spec: EntitySpec,
  fieldsOf: (source: string) => KnownFields,
): EntityPlan {
  const types = typesOf(spec);
  const fields = [...types].map(([name, type]) => ({ name, type: fieldTypes[type] }));
  const compile = (source: string, path: string): Expression => expression(source, fields, path);
  const derived = compileDerived(spec.fields, compile);
  const rulesAt = (rules: MatchRules | undefined, path: string): MatchRule[] =>
    (rules ?? []).map((parts, at) => {
      const rule = compileRule(parts, (source) => compile(source, `${path}.${at}`));
      for (const field of rule.fields) checkKnown(field, types, `${path}.${at}`);
      return rule;
    });
  const authority = authorities(spec, types);
  const sources = Object.entries(spec.sources).map(([name, source]): [string, SourcePlan] => {
    const path = `sources.${name}`;
    for (const field of Object.keys(source.fields))
      checkSettable(field, spec, types, `${path}.fields.${field}`);
    const attach = rulesAt(source.attach, `${path}.attach`);
    attach.forEach((rule, at) => checkMapped(rule, derived, source.fields, `${path}.attach.${at}`));
    const attachDerived = derived.some(({ name: field }) =>
      attach.some((rule) => rule.fields.includes(field)),
    );
    const context = {
      types,
      attach,
      attachDerived,
      authorityOf: (field: string) => authority.get(field) ?? compileAuthority(undefined),
    };
    return [name, withPathPrefix(path, () => compileSource(name, source, fieldsOf(name), context))];
  });
  const merge =
    spec.merge === undefined
      ? null
      : compileMerge(spec.merge, rulesAt(spec.merge.match, 'merge.match'), compile);
  if (spec.merge !== undefined) checkMerge(spec, spec.merge, types);
  const rules = distinctRules([
    ...sources.flatMap(([, source]) => source.attach),
    ...(merge?.rules ?? []),
  ]);
  return {
    spec,
    fields,
    sources: Object.fromEntries(sources),
    rules,
    ruleFields: new Set(rules.flatMap((rule) => rule.fields)),
    derived,
    authority,
    merge,
  };
}

/** Returns the match keys of a record: canonical texts that begin with the rule's name, each once. */
export function matchKeys(rules: readonly MatchRule[], values: JsonObject): string[] {
  const keys: string[] = [];
  for (const rule of rules) {
    const key = rule.keyOf(values);
    if (key !== null) keys.push(key);
  }
  return keys;
}

type Types = ReadonlyMap<string, EntityFieldType>;

function typesOf(spec: EntitySpec): Types {
  const types = new Map<string, EntityFieldType>();
  for (const [name, field] of Object.entries(spec.fields)) {
    // Records are plain objects: a name such as `constructor` would be found where no value is.
    if (name in Object.prototype)
      throw new MappingError('invalid_field', 'the name is reserved', `fields.${name}`);
    types.set(name, typeof field === 'string' ? field : field.type);
  }
  return types;
}

function authorities(spec: EntitySpec, types: Types): Map<string, Authority> {
  const setters = new Map<string, string[]>();
  for (const [source, { fields }] of Object.entries(spec.sources))
    for (const field of Object.keys(fields))
      setters.set(field, [...(setters.get(field) ?? []), source]);
  for (const [field, authority] of Object.entries(spec.authority)) {
    const path = `authority.${field}`;
    checkSettable(field, spec, types, path);
    if (authority === 'latest') continue;
    if ('ranked' in authority) checkSources(authority.ranked, spec, path);
    else {
      checkSources([authority.owner], spec, path);
      if (setters.get(field)?.includes(authority.owner) !== true)
        throw new MappingError('unmapped_field', `${authority.owner} does not set the field`, path);
    }
  }
  for (const [field, sources] of setters)
    if (sources.length > 1 && spec.authority[field] === undefined)
      throw new MappingError(
        'missing_authority',
        `${sources.join(' and ')} set the field ${field}; say who decides: latest, ranked or owner`,
        `authority.${field}`,
      );
  return new Map(
    [...setters.keys()].map((field) => [field, compileAuthority(spec.authority[field])]),
  );
}

function checkMerge(spec: EntitySpec, merge: NonNullable<EntitySpec['merge']>, types: Types): void {
  if (typeof merge.winner === 'object' && 'ranked' in merge.winner)
    checkSources(merge.winner.ranked, spec, 'merge.winner');
  if (typeof merge.default === 'object') checkSources(merge.default.ranked, spec, 'merge.default');
  for (const [field, policy] of Object.entries(merge.override ?? {})) {
    checkSettable(field, spec, types, `merge.override.${field}`);
    if (typeof policy === 'object') checkSources(policy.ranked, spec, `merge.override.${field}`);
  }
}

function checkKnown(field: string, types: Types, path: string): void {
  if (types.has(field)) return;
  const names = similarNames(field, [...types.keys()]);
  const message = `the entity has no field ${field}${didYouMean(names)}`;
  throw new MappingError('unknown_field', message, path, names);
}

function checkSettable(field: string, spec: EntitySpec, types: Types, path: string): void {
  checkKnown(field, types, path);
  if (typeof spec.fields[field] === 'object')
    throw new MappingError('derived_field', `${field} is derived from other fields`, path);
}

function checkSources(names: readonly string[], spec: EntitySpec, path: string): void {
  for (const name of names) {
    if (Object.hasOwn(spec.sources, name)) continue;
    const near = similarNames(name, Object.keys(spec.sources));
    const message = `the entity has no source ${name}${didYouMean(near)}`;
    throw new MappingError('unknown_source', message, path, near);
  }
}

/** Throws when a rule reads a field that the source does not set, neither itself nor through a derived field. */
function checkMapped(
  rule: MatchRule,
  derived: readonly DerivedField[],
  sets: Readonly<Record<string, unknown>>,
  path: string,
): void {
  const given = new Set(Object.keys(sets));
  for (const { name, expr } of derived)
    if (expr.fieldsUsed.some((field) => given.has(field))) given.add(name);
  for (const field of rule.fields)
    if (!given.has(field))
      throw new MappingError('unmapped_field', `the source does not set the field ${field}`, path);
}

function expression(source: string, fields: readonly Field[], path: string): Expression {
  try {
    return compileExpression(source, { fields }, 'entity');
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new MappingError(error.code, error.message, path, error.nearest);
  }
}

/** Makes the paths of errors begin at the entity. */
function withPathPrefix<T>(path: string, compile: () => T): T {
  try {
    return compile();
  } catch (error) {
    throw error instanceof MappingError ? error.at(`${path}.${error.path}`) : error;
  }
}
