import { ConfigError } from '../model/failure.ts';
import type { Field, FieldType } from '../model/field.ts';
import type { Json } from '../model/json.ts';
import type { FieldSource } from '../model/sync.ts';
import { ExpressionError } from './expression-error.ts';
import { compileExpression, type Expression } from './expression.ts';
import { meant } from '../model/nearest.ts';
import { didYouMean } from './did-you-mean.ts';

/** What a sync says about its fields. */
export interface MappingSpec {
  /** Destination field → source; undefined copies every source field under its own name. */
  readonly fields: Readonly<Record<string, FieldSource>> | undefined;
  /** Of a copy of every field: those that are not copied. */
  readonly leaveOut?: readonly string[];
  /** A CEL condition; records for which it is not true are skipped. */
  readonly where?: string | undefined;
  /** Every field of the source; empty when they are not known, then nothing is checked. */
  readonly sourceFields: readonly Field[];
  /** The source's key fields. */
  readonly key: readonly string[];
  /** The source's watermark field; only checked. */
  readonly watermark?: string | undefined;
}

/** A source field, or with `path` a value inside a JSON field. */
export interface SourcePath {
  readonly from: string;
  readonly path?: readonly string[];
}

/** Where one destination field comes from. */
export type MappingEntry =
  | ({ readonly to: string } & SourcePath)
  | { readonly to: string; readonly expr: Expression }
  | { readonly to: string; readonly value: Json };

/** A compiled mapping. */
export interface Mapping {
  /** The source fields to read, in the order rows have them: key, copies, then what expressions use. */
  readonly needed: readonly string[];
  readonly key: readonly SourcePath[];
  readonly entries: readonly MappingEntry[];
  /** Nothing but copies: no expression, constant, path or filter, so values can pass through unseen. */
  readonly plain: boolean;
  readonly filter: Expression | null;
}

/** A mapping that does not fit its source; the sync is refused. */
export class MappingError extends ConfigError {
  /** Where in the sync (`fields.x`, `where`, `source.key`, `source.watermark`) or in the entity. */
  readonly path: string;
  /** For `unknown_field`: the names that come nearest. */
  readonly nearest: readonly string[];

  readonly #reason: string;

  constructor(code: string, message: string, path: string, names: readonly string[] = []) {
    super(code, `${path}: ${message}`);
    this.path = path;
    this.nearest = names;
    this.#reason = message;
  }

  /** The same of another place. */
  at(path: string): MappingError {
    return new MappingError(this.code, this.#reason, path, this.nearest);
  }
}

/**
 * Checks and compiles the fields, key and filter of a sync.
 * @throws MappingError `unknown_field` or `invalid_expression`
 */
export function compileMapping(spec: MappingSpec): Mapping {
  const key = spec.key.map((name) => resolve(name, spec.sourceFields, 'source.key'));
  if (spec.watermark !== undefined) resolve(spec.watermark, spec.sourceFields, 'source.watermark');
  const entries = Object.entries(spec.fields ?? copyAll(spec)).map(([to, source]) =>
    entry(to, source, spec.sourceFields),
  );
  const filter =
    spec.where === undefined ? null : expression(spec.where, spec.sourceFields, 'where');
  const needed = new Set<string>();
  for (const { from } of key) needed.add(from);
  for (const item of entries) if ('from' in item) needed.add(item.from);
  for (const item of entries)
    if ('expr' in item) for (const name of item.expr.fieldsUsed) needed.add(name);
  for (const name of filter?.fieldsUsed ?? []) needed.add(name);
  const copies = [...key, ...entries].every((item) => 'from' in item && item.path === undefined);
  return { needed: [...needed], key, entries, plain: copies && filter === null, filter };
}

function copyAll(spec: MappingSpec): Record<string, FieldSource> {
  const names = spec.sourceFields.map(({ name }) => name);
  const copied = names.filter((name) => spec.leaveOut?.includes(name) !== true);
  return Object.fromEntries(copied.map((name) => [name, name]));
}

function entry(to: string, source: FieldSource, fields: readonly Field[]): MappingEntry {
  const path = `fields.${to}`;
  if (typeof source === 'string') return { to, ...resolve(source, fields, path) };
  if ('expr' in source) return { to, expr: expression(source.expr, fields, path) };
  return { to, value: source.value };
}

function expression(source: string, fields: readonly Field[], path: string): Expression {
  try {
    return compileExpression(source, fields.length === 0 ? null : fields);
  } catch (error) {
    if (error instanceof ExpressionError)
      throw new MappingError(error.code, error.message, path, error.nearest);
    throw error;
  }
}

const nested: ReadonlySet<FieldType> = new Set<FieldType>(['json', 'array', 'unknown']);

/** Finds the field called `name`, else the JSON field that a dotted name reaches into. */
function resolve(name: string, fields: readonly Field[], where: string): SourcePath {
  if (fields.length === 0 || fields.some((field) => field.name === name)) return { from: name };
  const parts = name.split('.');
  for (let count = parts.length - 1; count > 0; count--) {
    const from = parts.slice(0, count).join('.');
    const field = fields.find((candidate) => candidate.name === from);
    if (field !== undefined && nested.has(field.type)) return { from, path: parts.slice(count) };
  }
  const names = meant(
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
