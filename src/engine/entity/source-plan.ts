import type { EntityFieldType, EntitySourceSpec } from '../../model/entity.ts';
import type { Field, KnownFields } from '../../model/field.ts';
import type { IncomingRecord } from '../../model/golden-record.ts';
import type { Json, JsonObject } from '../../model/json.ts';
import { own } from '../../model/own.ts';
import type { Encoding, Value } from '../../model/record.ts';
import { ExpressionError } from '../expression/expression-error.ts';
import { compileExpression, type Expression } from '../expression/expression.ts';
import type { Fault } from '../mapping/fault.ts';
import { evaluateEntry, passesFilter, rowReader, valueAt } from '../mapping/map-record.ts';
import {
  compileMapping,
  MappingError,
  type Mapping,
  type MappingEntry,
} from '../mapping/mapping.ts';
import type { Authority } from './authority.ts';
import { halfCharacter, isWellFormed } from '../values/well-formed.ts';
import { coerce } from './coerce.ts';
import { idText } from './id-text.ts';
import { sameFieldValue } from './same.ts';
import type { MatchRule } from './match-rules.ts';
import { sourceTime } from './source-time.ts';

/** The outcome of reading one row of a source. */
export type Incoming =
  | IncomingRecord
  | { readonly skipped: 'filter' }
  | { readonly id: string | null; readonly fault: Fault };

/** A field of the entity that a source sets. */
export interface SourceField {
  readonly name: string;
  readonly authority: Authority;
}

/**
 * The compiled rules by which a source's rows become incoming records, and by which these find their golden records.
 */
export interface SourcePlan {
  readonly name: string;
  readonly mapping: Mapping;
  /**
   * The source fields to read, in the order in which rows hold them: those of the mapping, the watermark, those that
   * `deleted` uses.
   */
  readonly needed: readonly string[];
  /** The alternative match rules, in order. */
  readonly attach: readonly MatchRule[];
  /** True when a rule of `attach` reads a derived field. */
  readonly attachDerived: boolean;
  /** The entity's fields that the source sets, in the order of the source's `fields`. */
  readonly fields: readonly SourceField[];
  /**
   * Returns a function that turns rows with these fields into incoming records.
   * @param fields the fields of the rows; they include all of `needed`
   */
  reader(
    fields: readonly Field[],
    encoding: Encoding,
  ): (row: readonly Value[], fault?: Fault) => Incoming;
  /**
   * Returns the entity's values that the system holds after these of its fields were written: those of entity fields
   * whose source fields are all among the written ones.
   */
  contributionOf(written: JsonObject): JsonObject;
  /**
   * Returns the source fields by which a record differs from what its system said last.
   * @param held values of its fields now
   * @param said the entity's values that the system gave last; a field that it never gave is not compared
   */
  editedFields(held: JsonObject, said: JsonObject): string[];
}

/** The facts about the entity that compiling a source needs. */
export interface SourceContext {
  readonly types: ReadonlyMap<string, EntityFieldType>;
  readonly attach: readonly MatchRule[];
  readonly attachDerived: boolean;
  authorityOf(field: string): Authority;
}

/**
 * Compiles one source of an entity.
 * @param known the fields of the source's stream
 * @throws MappingError `unknown_field` or `invalid_expression`; its path begins at the source
 */
export function compileSource(
  name: string,
  spec: EntitySourceSpec,
  known: KnownFields,
  context: SourceContext,
): SourcePlan {
  const { id, watermark } = spec.source;
  const mapping = mappingOf(spec, known);
  const deleted = typeof spec.deleted === 'string' ? deletedBy(spec.deleted, known) : undefined;
  const needed = new Set(mapping.needed);
  if (watermark !== undefined) needed.add(watermark);
  for (const field of deleted?.fieldsUsed ?? []) needed.add(field);
  const entries = mapping.entries.map((entry) => typedEntry(entry, context.types));
  return {
    name,
    mapping,
    needed: [...needed],
    attach: context.attach,
    attachDerived: context.attachDerived,
    fields: entries.map(({ entry: { to } }) => ({ name: to, authority: context.authorityOf(to) })),
    reader: (fields, encoding) =>
      reader({ name, mapping, watermark, deleted, entries, idField: id }, fields, encoding),
    contributionOf: (written) => contribution(entries, written),
    editedFields: (held, said) => editedFields(entries, held, said),
  };
}

function mappingOf(spec: EntitySourceSpec, { fields, sampled }: KnownFields): Mapping {
  try {
    return compileMapping({
      fields: spec.fields,
      where: spec.where,
      sourceFields: fields,
      sampled,
      key: [spec.source.id],
      watermark: spec.source.watermark,
    });
  } catch (error) {
    throw error instanceof MappingError && error.path === 'source.key'
      ? error.at('source.id')
      : error;
  }
}

function deletedBy(source: string, known: KnownFields): Expression {
  try {
    return compileExpression(source, known);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new MappingError(error.code, error.message, 'deleted', error.nearest);
  }
}

interface TypedEntry {
  readonly entry: MappingEntry;
  readonly type: EntityFieldType;
  /** The source fields that the entry reads. */
  readonly uses: readonly string[];
}

function typedEntry(entry: MappingEntry, types: ReadonlyMap<string, EntityFieldType>): TypedEntry {
  const type = types.get(entry.to) ?? 'json';
  if ('from' in entry) return { entry, type, uses: [entry.from] };
  return { entry, type, uses: 'expr' in entry ? entry.expr.fieldsUsed : [] };
}

interface Reading {
  readonly name: string;
  readonly mapping: Mapping;
  readonly watermark: string | undefined;
  readonly deleted: Expression | undefined;
  readonly entries: readonly TypedEntry[];
  readonly idField: string;
}

function reader(
  { name, mapping, watermark, deleted, entries, idField }: Reading,
  fields: readonly Field[],
  encoding: Encoding,
): (row: readonly Value[], fault?: Fault) => Incoming {
  const read = rowReader(fields, encoding);
  const [key = { from: idField }] = mapping.key;
  const deletedEntry = deleted && { to: 'deleted', expr: deleted };
  let row: readonly Value[] = [];
  const get = (field: string): Json | undefined => read(row, field);
  return (next, rowFault) => {
    row = next;
    const id = idText(valueAt(key, get));
    if (rowFault !== undefined) return { id, fault: rowFault };
    // `deleted` is asked first: `where` may exclude exactly the deleted records.
    const gone = deletedEntry && evaluateEntry(deletedEntry, get);
    if (gone !== undefined && 'fault' in gone) return { id, fault: gone.fault };
    const isDeleted = gone?.value === true;
    const passed = isDeleted || passesFilter(mapping.filter, get);
    if (passed === false) return { skipped: 'filter' };
    if (passed !== true) return { id, fault: passed };
    if (id === null) return { id, fault: missingId(idField) };
    if (!id.isWellFormed()) return { id, fault: halfCharacter(idField) };
    const at = watermark === undefined ? null : sourceTime(get(watermark));
    const values: JsonObject = {};
    if (isDeleted) return { source: name, id, at, values, deleted: true };
    for (const entry of entries) {
      const fault = assign(values, entry, get);
      if (fault !== null) return { id, fault };
    }
    return { source: name, id, at, values, deleted: false };
  };
}

/** Sets the entry's field unless the record lacks its source field; returns the fault when it could not. */
function assign(
  values: JsonObject,
  { entry, type }: TypedEntry,
  get: (name: string) => Json | undefined,
): Fault | null {
  const result = evaluateEntry(entry, get);
  if ('fault' in result) return result.fault;
  if (result.value === undefined) return null;
  if (!isWellFormed(result.value)) return halfCharacter(entry.to);
  const value = coerce(result.value, type);
  if (value === undefined) return invalidValue(entry.to, type);
  values[entry.to] = value;
  return null;
}

function missingId(field: string): Fault {
  return { code: 'missing_key', message: 'the record has no value in its id field', field };
}

function invalidValue(field: string, type: EntityFieldType): Fault {
  return { code: 'invalid_value', message: `the value is no ${type}`, field };
}

function editedFields(
  entries: readonly TypedEntry[],
  held: JsonObject,
  said: JsonObject,
): string[] {
  const now = contribution(entries, held);
  const differing = entries.filter(({ entry: { to } }) => {
    const [value, before] = [own(now, to), own(said, to)];
    return value !== undefined && before !== undefined && !sameFieldValue(value, before);
  });
  return differing.flatMap(({ uses }) => uses);
}

function contribution(entries: readonly TypedEntry[], written: JsonObject): JsonObject {
  const values: JsonObject = {};
  const get = (name: string): Json | undefined => own(written, name);
  for (const entry of entries)
    if (entry.uses.every((name) => Object.hasOwn(written, name))) assign(values, entry, get);
  return values;
}
