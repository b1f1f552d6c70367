import { ConfigError } from '../../model/failure.ts';
import type { Field, FieldType } from '../../model/field.ts';
import type { FieldSource, MappedFieldSource } from '../../model/sync.ts';
import type { OwnEntry, SourcePath } from './own-entry.ts';
import type { ParentRule } from './parent.ts';
import { ExpressionError } from '../expression/expression-error.ts';
import { compileExpression, type Expression } from '../expression/expression.ts';
import { similarNames } from '../../model/nearest.ts';
import { didYouMean } from '../expression/did-you-mean.ts';

/** The part of a sync that says which fields it writes, and from what. */
export interface MappingSpec {
  /** Destination field → source; undefined copies every source field under its own name. */
  readonly fields: Readonly<Record<string, MappedFieldSource>> | undefined;
  /** For a copy of every field: the source fields that are not copied. */
  readonly leaveOut?: readonly string[];
  /** A CEL condition; records for which it is not true are skipped. */
  readonly where?: string | undefined;
  /** Every field of the source; empty when they are not known, and then names are not checked. */
  readonly sourceFields: readonly Field[];
  /**
   * True when the fields were learned from a sample of records. Others may have more fields, so any name is accepted.
   * Default false.
   */
  readonly sampled?: boolean | undefined;
  /** The source's key fields. */
  readonly key: readonly string[];
  /** The source's watermark field; it is checked and otherwise unused. */
  readonly watermark?: string | undefined;
}

/** The origin of one destination field: the record itself, or a parent record. */
export type MappingEntry = OwnEntry | { readonly to: string; readonly parent: ParentRule };

/** A compiled mapping. */
export interface Mapping {
  /**
   * The source fields to read, in the order in which rows hold them: key, copies, then fields that expressions use.
   */
  readonly needed: readonly string[];
  readonly key: readonly SourcePath[];
  readonly entries: readonly MappingEntry[];
  /**
   * True when the mapping is nothing but copies, without expression, constant, path or filter: then values pass through
   * undecoded.
   */
  readonly plain: boolean;
  readonly filter: Expression | null;
  /** The rules of those entries that point to other records. */
  readonly parents: readonly ParentRule[];
  /** The enumerated texts that a destination field takes, by field; absent for a field that takes any text. */
  readonly choices: ReadonlyMap<string, ReadonlySet<string>>;
  /**
   * The rule for fields that `entries` do not name: they are copied under their own names; null when only `entries` are
   * written.
   */
  readonly rest: Rest | null;
}

/** The rule for fields of a record that the mapping does not name. */
export interface Rest {
  /** The fields that the destination can hold; null when it takes any. */
  readonly taken: ReadonlySet<string> | null;
  /** Names that are not copied: paths into fields, and fields that the destination makes itself. */
  readonly ignored: ReadonlySet<string>;
}

/** The fault of a mapping that does not fit its source; the sync is refused. */
export class MappingError extends ConfigError {
  /** The place in the sync (`fields.x`, `where`, `source.key`, `source.watermark`) or in the entity. */
  readonly path: string;
  /** For `unknown_field`: the existing names that are most similar. */
  readonly nearest: readonly string[];

  readonly #reason: string;

  constructor(code: string, message: string, path: string, names: readonly string[] = []) {
    super(code, `${path}: ${message}`);
    this.path = path;
    this.nearest = names;
    this.#reason = message;
  }

  /** Returns the same error at another place. */
  at(path: string): MappingError {
    return new MappingError(this.code, this.#reason, path, this.nearest);
  }
}

/**
 * Checks and compiles the fields, key and filter of a sync.
 * @throws MappingError `unknown_field` or `invalid_expression`
 */
export function compileMapping(spec: MappingSpec): Mapping {
  const { leaveOut = [] } = spec;
  const key = spec.key.map((name) => resolve(name, spec, 'source.key'));
  if (spec.watermark !== undefined) resolve(spec.watermark, spec, 'source.watermark');
  const entries =
    spec.fields === undefined
      ? copyAll(spec)
      : Object.entries(spec.fields).map(([to, source]) => entry(to, source, spec));
  const filter = spec.where === undefined ? null : expression(spec.where, spec, 'where');
  const copiesRest = spec.fields === undefined && spec.sampled === true;
  const known = new Set(spec.sourceFields.map(({ name }) => name));
  // Fields that the sample showed are copied with the rest. So every worker asks for the same fields, whatever its own
  // sample held.
  const needed = neededBy(key, copiesRest ? [] : entries, filter);
  const paths = needed.filter((name) => name.includes('.') && !known.has(name));
  return {
    needed,
    key,
    entries,
    plain: filter === null && [...key, ...entries].every(isCopy),
    filter,
    parents: entries.flatMap((item) => ('parent' in item ? [item.parent] : [])),
    choices: new Map(),
    rest: copiesRest ? { taken: null, ignored: new Set([...paths, ...leaveOut]) } : null,
  };
}

function copyAll({ sourceFields, leaveOut = [] }: MappingSpec): MappingEntry[] {
  const names = sourceFields.map(({ name }) => name).filter((name) => !leaveOut.includes(name));
  return names.map((name) => ({ to: name, from: name }));
}

/**
 * Adapts a mapping to a destination that has these fields. A mapping that copies the rest asks for all of them,
 * whatever the sample showed, so that it is the same for every worker.
 */
export function mappingInto(whole: Mapping, fields: readonly Field[]): Mapping {
  const mapping = { ...whole, choices: choicesOf(fields) };
  if (mapping.rest === null) return mapping;
  const entries = fields.map(({ name }): MappingEntry => ({ to: name, from: name }));
  return {
    ...mapping,
    needed: neededBy(mapping.key, entries, mapping.filter),
    entries,
    rest: { ...mapping.rest, taken: new Set(fields.map(({ name }) => name)) },
  };
}

function choicesOf(fields: readonly Field[]): Mapping['choices'] {
  return new Map(
    fields.flatMap(({ name, values }) =>
      values === undefined ? [] : [[name, new Set(values)] as const],
    ),
  );
}

/** Returns the source fields to read: those of the key, then of copies, then those that expressions use. */
function neededBy(
  key: readonly SourcePath[],
  entries: readonly MappingEntry[],
  filter: Expression | null,
): string[] {
  const needed = new Set<string>();
  for (const part of key) for (const name of namesOf(part)) needed.add(name);
  const own = entries.flatMap((item): readonly OwnEntry[] =>
    'parent' in item ? item.parent.key : [item],
  );
  for (const item of own) if ('from' in item) for (const name of namesOf(item)) needed.add(name);
  for (const item of own)
    if ('expr' in item) for (const name of item.expr.fieldsUsed) needed.add(name);
  for (const name of filter?.fieldsUsed ?? []) needed.add(name);
  return [...needed];
}

function namesOf(source: SourcePath): string[] {
  return [source.from, ...(source.else === undefined ? [] : namesOf(source.else))];
}

/** True when the value is that of a source field, unchanged. */
export function isCopy(item: SourcePath | MappingEntry): boolean {
  return 'from' in item && item.path === undefined && item.else === undefined;
}

function entry(to: string, source: MappedFieldSource, spec: MappingSpec): MappingEntry {
  const path = `fields.${to}`;
  if (typeof source === 'string' || !('lookup' in source)) return ownEntry(to, source, spec, path);
  const { stream, field, key } = source.lookup;
  const parts = Object.entries(key).map(([name, from]) =>
    ownEntry(name, from, spec, `${path}.lookup.key.${name}`),
  );
  return { to, parent: { stream, field: field ?? null, key: parts } };
}

function ownEntry(to: string, source: FieldSource, spec: MappingSpec, path: string): OwnEntry {
  if (typeof source === 'string') return { to, ...resolve(source, spec, path) };
  if ('expr' in source) return { to, expr: expression(source.expr, spec, path) };
  return { to, value: source.value };
}

function expression(
  source: string,
  { sourceFields, sampled }: MappingSpec,
  path: string,
): Expression {
  try {
    return compileExpression(source, { fields: sourceFields, sampled });
  } catch (error) {
    if (error instanceof ExpressionError)
      throw new MappingError(error.code, error.message, path, error.nearest);
    throw error;
  }
}

const nested: ReadonlySet<FieldType> = new Set<FieldType>(['json', 'array', 'unknown']);

/**
 * Finds the field called `name`, else the JSON field that a dotted name reaches into: `a.b` is the field `a.b`, else
 * `b` inside `a`.
 */
function resolve(
  name: string,
  { sourceFields: fields, sampled = false }: MappingSpec,
  where: string,
): SourcePath {
  if (sampled) return anywhere(name.split('.'));
  if (fields.length === 0 || fields.some((field) => field.name === name)) return { from: name };
  const parts = name.split('.');
  for (let count = parts.length - 1; count > 0; count--) {
    const from = parts.slice(0, count).join('.');
    const field = fields.find((candidate) => candidate.name === from);
    if (field !== undefined && nested.has(field.type)) return { from, path: parts.slice(count) };
  }
  const names = similarNames(
    name,
    fields.map((field) => field.name),
  );
  throw new MappingError(
    'unknown_field',
    `the source has no field ${name}${didYouMean(names)}`,
    where,
    names,
  );
}

/**
 * Returns a path that tries all splits of a dotted name: the field called by all parts, else the value inside the field
 * called by all but the last, and so on. A sample cannot tell which of these a record has.
 */
function anywhere(parts: readonly string[], count = parts.length): SourcePath {
  const from = parts.slice(0, count).join('.');
  return {
    from,
    ...(count < parts.length && { path: parts.slice(count) }),
    ...(count > 1 && { else: anywhere(parts, count - 1) }),
  };
}
