import type { Field, FieldType } from '../model/field.ts';
import { isJsonObject, type Json, type JsonObject } from '../model/json.ts';
import type { Encoding, KeyValues, Value } from '../model/record.ts';
import { ExpressionError } from './expression-error.ts';
import type { Expression } from './expression.ts';
import type { Mapping, MappingEntry, SourcePath } from './mapping.ts';
import { toJson } from './to-json.ts';

/** Why one record could not be mapped (R8); without values (R1). */
export interface Fault {
  readonly code: string;
  readonly message: string;
  /** The destination field, or `where`; absent where the record as a whole is at fault. */
  readonly field?: string;
}

/** What mapping made of one record. */
export type MappedRecord =
  | { readonly skipped: 'filter' }
  /** Values by destination field; a field whose source the record lacks is absent. */
  | { readonly key: KeyValues; readonly values: JsonObject }
  | { readonly key: KeyValues; readonly fault: Fault };

/**
 * Maps the rows of batches with these fields, which must include all of `mapping.needed`. A row that comes with a
 * fault is neither filtered nor mapped: only its key is read.
 * @param takes `sql`: what is copied of bytes, arrays and JSON stays as a SQL source prints it
 */
export function recordMapper(
  mapping: Mapping,
  fields: readonly Field[],
  encoding: Encoding,
  takes: Encoding = 'json',
): (row: readonly Value[], fault?: Fault) => MappedRecord {
  const read = rowReader(fields, encoding);
  const readPrinted = takes === 'sql' ? rowReader(fields.map(asPrinted), encoding) : read;
  return (row, fault) => {
    const get = (name: string): Json | undefined => read(row, name);
    const getPrinted = (name: string): Json | undefined => readPrinted(row, name);
    const passed = fault ?? passes(mapping.filter, get);
    if (passed === false) return { skipped: 'filter' };
    const key = mapping.key.map((part) => valueAt(part, get) ?? null);
    if (passed !== true) return { key, fault: passed };
    const values: JsonObject = {};
    for (const entry of mapping.entries) {
      const isCopy = 'from' in entry && entry.path === undefined;
      const result = evaluateEntry(entry, isCopy ? getPrinted : get);
      if ('fault' in result) return { key, fault: result.fault };
      if (result.value !== undefined) values[entry.to] = result.value;
    }
    return { key, values };
  };
}

/** Values of these types look different in JSON. */
const printedTypes: ReadonlySet<FieldType> = new Set<FieldType>(['json', 'bytes', 'array']);

function asPrinted(field: Field): Field {
  return printedTypes.has(field.type) ? { ...field, type: 'text' } : field;
}

/** Reads a field of a row as JSON, by name. */
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

/** Whether the filter lets a record through, or why that could not be told. */
export function passes(
  filter: Expression | null,
  get: (name: string) => Json | undefined,
): boolean | Fault {
  if (filter === null) return true;
  const result = attempt(filter, get, 'where');
  return 'fault' in result ? result.fault : result.value === true;
}

/** The value of one destination field; undefined where the record lacks its source. */
export function evaluateEntry(
  entry: MappingEntry,
  get: (name: string) => Json | undefined,
): { readonly value: Json | undefined } | { readonly fault: Fault } {
  if ('from' in entry) return { value: valueAt(entry, get) };
  return 'expr' in entry ? attempt(entry.expr, get, entry.to) : { value: entry.value };
}

/** The value a source path leads to; undefined where it ends early. */
export function valueAt(
  source: SourcePath,
  get: (name: string) => Json | undefined,
): Json | undefined {
  let value = get(source.from);
  for (const part of source.path ?? []) {
    if (Array.isArray(value)) value = value[Number(part)];
    else value = isJsonObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
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
