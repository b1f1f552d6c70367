import type { Field, FieldType } from '../../model/field.ts';
import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts';
import { nearestOf } from '../../model/nearest.ts';
import { own, setOwn } from '../../model/own.ts';
import type { Encoding, KeyValues, Value } from '../../model/record.ts';
import type { Fault } from './fault.ts';
import { ExpressionError } from '../expression/expression-error.ts';
import type { Expression } from '../expression/expression.ts';
import type { OwnEntry, SourcePath } from './own-entry.ts';
import { isCopy, type Mapping, type MappingEntry, type Rest } from './mapping.ts';
import type { ParentOf, ParentRule } from './parent.ts';
import { toJson } from '../values/to-json.ts';
import { invalidChoice } from './facts.ts';
import { halfCharacter, isWellFormed } from '../values/well-formed.ts';

/** The outcome of mapping one record: skipped by the filter, its values, or a fault. */
export type MappedRecord =
  | { readonly skipped: 'filter' }
  /** Values by destination field; a field whose source the record lacks is absent. */
  | { readonly key: KeyValues; readonly values: JsonObject }
  | { readonly key: KeyValues; readonly fault: Fault };

/**
 * Returns a function that maps the rows of a batch.
 * - A row that comes with a fault is neither filtered nor mapped: only its key is read.
 * - A mapping that copies the rest copies all of `fields`. A record with a value in a field that the destination lacks
 *   has a fault.
 * @param fields the fields of the rows; they include all of `mapping.needed`
 * @param takes `sql`: copied bytes, arrays and JSON keep the text that a SQL source prints for them
 * @param parentOf finds the parent records that the mapping points to; they were looked up before
 */
export function recordMapper(
  mapping: Mapping,
  fields: readonly Field[],
  encoding: Encoding,
  takes: Encoding = 'json',
  parentOf?: ParentOf,
): (row: readonly Value[], fault?: Fault) => MappedRecord {
  const read = rowReader(fields, encoding);
  const { entries, unknown } = copiesOf(mapping, fields);
  const readPrinted = takes === 'sql' ? rowReader(fields.map(asPrinted), encoding) : read;
  return (row, fault) => {
    const get = (name: string): Json | undefined => read(row, name);
    const getPrinted = (name: string): Json | undefined => readPrinted(row, name);
    const passed = fault ?? passesFilter(mapping.filter, get);
    if (passed === false) return { skipped: 'filter' };
    const key = mapping.key.map((part) => valueAt(part, get) ?? null);
    if (passed !== true) return { key, fault: passed };
    const broken = key.findIndex((part) => !isWellFormed(part));
    if (broken >= 0) return { key, fault: halfCharacter(mapping.key[broken]?.from ?? '') };
    const extra = unknown.find(({ name }) => get(name) !== undefined);
    if (extra !== undefined) return { key, fault: extra.fault };
    const values: JsonObject = {};
    for (const entry of entries) {
      const result = evaluateEntry(entry, isCopy(entry) ? getPrinted : get, parentOf);
      if ('fault' in result) return { key, fault: result.fault };
      if (!isWellFormed(result.value)) return { key, fault: halfCharacter(entry.to) };
      const refused = invalidChoice(mapping.choices.get(entry.to), entry.to, result.value);
      if (refused !== null) return { key, fault: refused };
      if (result.value !== undefined) setOwn(values, entry.to, result.value);
    }
    return { key, values };
  };
}

interface Copies {
  readonly entries: readonly MappingEntry[];
  /** Fields that the destination lacks, each with the fault of a record that has it. */
  readonly unknown: readonly { readonly name: string; readonly fault: Fault }[];
}

/** Returns which fields of a batch are copied, and which of them the destination lacks. */
function copiesOf({ entries, rest }: Mapping, fields: readonly Field[]): Copies {
  if (rest === null) return { entries, unknown: [] };
  const names = fields.map(({ name }) => name).filter((name) => !rest.ignored.has(name));
  return {
    entries: names
      .filter((name) => rest.taken?.has(name) ?? true)
      .map((name): MappingEntry => ({ to: name, from: name })),
    unknown: unknownFields(rest, names),
  };
}

/** Returns those of `names` that the destination lacks, each with the fault of a record that has it. */
export function unknownFields(
  { taken, ignored }: Rest,
  names: readonly string[],
): Copies['unknown'] {
  if (taken === null) return [];
  return names
    .filter((name) => !taken.has(name) && !ignored.has(name))
    .map((name) => {
      const message = `the destination has no field ${name}${nearestOf(name, [...taken])}`;
      return { name, fault: { code: 'unknown_field', message, field: name } };
    });
}

/** Types whose values SQL prints differently from JSON. */
const printedTypes: ReadonlySet<FieldType> = new Set<FieldType>(['json', 'bytes', 'array']);

function asPrinted(field: Field): Field {
  return printedTypes.has(field.type) ? { ...field, type: 'text' } : field;
}

/** Returns a function that reads a field of a row by name, as JSON. */
export function rowReader(
  fields: readonly Field[],
  encoding: Encoding,
): (row: readonly Value[], name: string) => Json | undefined {
  const places = new Map(fields.map((field, index) => [field.name, { field, index }]));
  return (row, name) => {
    const place = places.get(name);
    return place === undefined ? undefined : toJson(row[place.index], place.field, encoding);
  };
}

/** Returns true when the filter lets a record through, or a fault when its expression failed. */
export function passesFilter(
  filter: Expression | null,
  get: (name: string) => Json | undefined,
): boolean | Fault {
  if (filter === null) return true;
  const result = attempt(filter, get, 'where');
  return 'fault' in result ? result.fault : result.value === true;
}

/**
 * Returns the value of one destination field; undefined when the record lacks the source field. A field that points to
 * a parent is null when a part of the parent's key is null: such a record has no parent.
 */
export function evaluateEntry(
  entry: MappingEntry,
  get: (name: string) => Json | undefined,
  parentOf?: ParentOf,
): { readonly value: Json | undefined } | { readonly fault: Fault } {
  if ('parent' in entry) {
    const found = parentKey(entry.parent, get);
    if ('fault' in found) return { fault: { ...found.fault, field: entry.to } };
    if (found.key === null) return { value: null };
    if (parentOf === undefined) throw new Error(`the parent of ${entry.to} was not looked up`);
    return parentOf(entry.parent, found.key, entry.to);
  }
  return evaluateOwn(entry, get);
}

/** Returns the key of a record's parent; null when a part of it is null or missing. */
export function parentKey(
  { key }: ParentRule,
  get: (name: string) => Json | undefined,
): { readonly key: KeyValues | null } | { readonly fault: Fault } {
  const parts: Json[] = [];
  for (const part of key) {
    const result = evaluateOwn(part, get);
    if ('fault' in result) return result;
    if (result.value === undefined || result.value === null) return { key: null };
    parts.push(result.value);
  }
  return { key: parts };
}

function evaluateOwn(
  entry: OwnEntry,
  get: (name: string) => Json | undefined,
): { readonly value: Json | undefined } | { readonly fault: Fault } {
  if ('from' in entry) return { value: valueAt(entry, get) };
  return 'expr' in entry ? attempt(entry.expr, get, entry.to) : { value: entry.value };
}

/** Returns the value that a source path leads to; undefined when the record has none there. */
export function valueAt(
  source: SourcePath,
  get: (name: string) => Json | undefined,
): Json | undefined {
  const value = within(source, get);
  return value === undefined && source.else !== undefined ? valueAt(source.else, get) : value;
}

function within(source: SourcePath, get: (name: string) => Json | undefined): Json | undefined {
  let value = get(source.from);
  for (const part of source.path ?? []) {
    if (Array.isArray(value)) value = value[Number(part)];
    else value = isJsonObject(value) ? own(value, part) : undefined;
  }
  return value;
}

function attempt(
  expression: Expression,
  get: (name: string) => Json | undefined,
  field: string,
): { readonly value: Json } | { readonly fault: Fault } {
  try {
    return { value: expression.evaluate(get) };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { fault: { code: error.code, message: error.message, field } };
  }
}
