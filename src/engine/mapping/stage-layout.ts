import type { StagedColumn, StagedLayout, StagedRow } from '../../connectors/contract/staging.ts';
import type { Field } from '../../model/field.ts';
import type { Json } from '../../model/json.ts';
import type { Match } from '../../model/match.ts';
import type { Encoding, Value } from '../../model/record.ts';
import type { Fault } from './fault.ts';
import { evaluateEntry, passes, rowReader, strangeTo, valueAt } from './map-record.ts';
import type { SourcePath } from './own-entry.ts';
import { isCopy, type Mapping, type MappingEntry } from './mapping.ts';
import type { ParentOf } from './parent.ts';
import { halfCharacter, isWellFormed } from '../values/well-formed.ts';

/** The open source, as far as staging must know it. */
export interface StagedSource {
  readonly encoding: Encoding;
  readonly fields: readonly Field[];
  readonly uniqueBy: readonly string[];
}

/** How rows of a source become staged rows. */
export interface Staging {
  readonly layout: StagedLayout;
  /**
   * Stages the rows of batches with these fields, `mapping.needed` the first of them in order; null for a filtered
   * record. A row whose expression failed has a `fault`, and its key; so does one that comes with a fault, and is not
   * filtered then, and one that has a field which the destination lacks.
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
 * exactly `mapping.needed`, in order, so COPY text can be staged as it is.
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

/** Whether the source's own uniqueness carries over: loosely compared texts may coincide. */
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
  const strange = rest === null ? [] : strangeTo(rest, others);
  return (row, given) => {
    const get = (name: string): Json | undefined => read(row, name);
    const passed = given ?? passes(filter, get);
    if (passed === false) return null;
    let fault: Fault | undefined =
      passed === true ? strange.find(({ name }) => get(name) !== undefined)?.fault : passed;
    const values = columns.map((column): Value => {
      // A database holds no half characters.
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
