import type { StagedColumn, StagedLayout, StagedRow } from '../../connectors/contract/staging.ts';
import type { Field } from '../../model/field.ts';
import type { Json } from '../../model/json.ts';
import type { Match } from '../../model/match.ts';
import type { Encoding, Value } from '../../model/record.ts';
import type { Fault } from './fault.ts';
import { evaluateEntry, passesFilter, rowReader, unknownFields, valueAt } from './map-record.ts';
import type { SourcePath } from './own-entry.ts';
import { isCopy, type Mapping, type MappingEntry } from './mapping.ts';
import type { ParentOf } from './parent.ts';
import { halfCharacter, isWellFormed } from '../values/well-formed.ts';

/** The facts about the open source that staging needs. */
export interface StagedSource {
  readonly encoding: Encoding;
  readonly fields: readonly Field[];
  readonly uniqueBy: readonly string[];
}

/** The columns of a chunk's staged rows, and the function that makes the rows. */
export interface Staging {
  readonly layout: StagedLayout;
  /**
   * Returns a function that turns a source row into a staged row, or null for a filtered record. The rows have
   * `fields`, which begin with `mapping.needed` in that order. A staged row has a `fault` in three cases, and keeps its
   * key:
   * - its expression failed;
   * - the row came with a fault (then it is not filtered);
   * - it has a value in a field that the destination lacks.
   */
  readonly rowStager: (
    fields: readonly Field[],
    parentOf?: ParentOf,
  ) => (row: readonly Value[], fault?: Fault) => StagedRow | null;
}

type Compute = (
  get: (name: string) => Json | undefined,
  parentOf?: ParentOf,
) => ReturnType<typeof evaluateEntry>;

type Column = { readonly staged: StagedColumn } & (
  | { readonly index: number }
  | { readonly compute: Compute }
);

/**
 * Lays out the staged columns of a mapping. A copy keeps the source's value, type and encoding; an expression, a
 * constant and a value inside a JSON field become columns encoded as JSON. For a `plain` mapping the columns are
 * exactly `mapping.needed`, in that order, so COPY text can be staged unchanged.
 */
export function stageLayout(mapping: Mapping, source: StagedSource, match: Match): Staging {
  const columns: Column[] = [];
  const copies = new Map<string, number>();
  const add = (column: Column): number => columns.push(column) - 1;
  const place = (from: SourcePath, name: string): number => {
    if (!isCopy(from)) return add(computed(name, (get) => ({ value: valueAt(from, get) })));
    const known = copies.get(from.from) ?? add(copied(from.from, mapping, source));
    copies.set(from.from, known);
    return known;
  };
  const key = mapping.key.map((part) => place(part, [part.from, ...(part.path ?? [])].join('.')));
  const assign = mapping.entries.map((entry) => ({
    to: entry.to,
    from: placeEntry(entry, place, add),
  }));
  const layout = {
    columns: columns.map(({ staged }) => staged),
    key,
    assign,
    uniqueKeys: uniqueKeys(mapping, source, match),
  };
  return {
    layout,
    rowStager: (...given) => rowStager(mapping, source.encoding, columns, ...given),
  };
}

function placeEntry(
  entry: MappingEntry,
  place: (from: SourcePath, name: string) => number,
  add: (column: Column) => number,
): number {
  return 'from' in entry
    ? place(entry, entry.to)
    : add(computed(entry.to, (get, parentOf) => evaluateEntry(entry, get, parentOf)));
}

function copied(name: string, mapping: Mapping, source: StagedSource): Column {
  const field = source.fields.find((candidate) => candidate.name === name) ?? {
    name,
    type: 'unknown' as const,
  };
  return { staged: { field, encoding: source.encoding }, index: mapping.needed.indexOf(name) };
}

function computed(name: string, compute: Compute): Column {
  return { staged: { field: { name, type: 'unknown' }, encoding: 'json' }, compute };
}

/**
 * True when keys are unique in the chunk because they are in the source. Texts compared loosely may coincide, so then
 * it is false.
 */
function uniqueKeys(mapping: Mapping, source: StagedSource, match: Match): boolean {
  if (match.caseInsensitive || match.trim || source.uniqueBy.length === 0) return false;
  const names = new Set(mapping.key.map((part) => (isCopy(part) ? part.from : undefined)));
  return names.size === source.uniqueBy.length && source.uniqueBy.every((name) => names.has(name));
}

function rowStager(
  { needed, filter, rest }: Mapping,
  encoding: Encoding,
  columns: readonly Column[],
  fields: readonly Field[],
  parentOf?: ParentOf,
): ReturnType<Staging['rowStager']> {
  const read = rowReader(fields, encoding);
  const others = fields.slice(needed.length).map(({ name }) => name);
  const unknown = rest === null ? [] : unknownFields(rest, others);
  return (row, given) => {
    const get = (name: string): Json | undefined => read(row, name);
    const passed = given ?? passesFilter(filter, get);
    if (passed === false) return null;
    let fault: Fault | undefined =
      passed === true ? unknown.find(({ name }) => get(name) !== undefined)?.fault : passed;
    const values = columns.map((column): Value => {
      // A SQL source's texts need no check: a database holds no half characters.
      if ('index' in column && encoding === 'sql') return row[column.index];
      const result =
        'index' in column ? { value: row[column.index] } : column.compute(get, parentOf);
      if ('fault' in result) {
        fault ??= result.fault;
        return undefined;
      }
      if (isWellFormed(result.value)) return result.value;
      fault ??= halfCharacter(column.staged.field.name);
      return null;
    });
    return fault === undefined ? { values } : { values, fault };
  };
}
