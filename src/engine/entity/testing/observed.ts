import type { FieldChange, LogEntry } from '../../../model/entity-log.ts';
import type { GoldenRecord, SystemId } from '../../../model/golden-record.ts';
import type { Json } from '../../../model/json.ts';
import type { Outcome } from './reference-model.ts';

/** What is stored of an entity after a cycle; `no` is the number of a golden record, in the order of creation. */
interface Stored {
  /** The live records, in any order. */
  readonly records: readonly ({ readonly no: number } & Pick<GoldenRecord, 'values' | 'setBy'>)[];
  readonly ids: readonly ({ readonly no: number } & SystemId)[];
  /** The log of the cycle. */
  readonly entries: readonly ({ readonly no: number } & Pick<LogEntry, 'changes' | 'refused'>)[];
  readonly ambiguous: readonly string[];
}

/** Returns what is stored of an entity in the form of the reference model's outcome. */
export function observed({ records, ids, entries, ambiguous }: Stored): Outcome {
  return {
    records: records
      .map(({ no, values, setBy }) => ({
        no,
        values: mapped(
          Object.entries(values).filter(([, value]) => value !== null),
          text,
        ),
        setBy: mapped(Object.entries(setBy), ({ source }) => source),
      }))
      .toSorted((a, b) => a.no - b.no),
    ids: ids.map(({ no, system, id }) => `${system} ${id} → ${no}`).toSorted(),
    changed: entries
      .flatMap(({ no, changes }) =>
        net(changes).map((one) => `${no} ${one.field}: ${text(one.old)} → ${text(one.new)}`),
      )
      .toSorted(),
    refused: entries
      .flatMap(({ no, refused }) =>
        refused.map((one) => `${no} ${one.field}: ${one.source} ${text(one.value)}`),
      )
      .toSorted(),
    ambiguous,
  };
}

/** Returns one change of each field, from its first old value to its last new one, where they differ. */
function net(changes: LogEntry['changes']): Pick<FieldChange, 'field' | 'old' | 'new'>[] {
  const all = new Map<string, Pick<FieldChange, 'field' | 'old' | 'new'>>();
  for (const { field, old, new: value } of changes)
    all.set(field, { ...(all.get(field) ?? { field, old }), new: value });
  return [...all.values()].filter((one) => text(one.old) !== text(one.new));
}

function mapped<From, To>(
  entries: readonly (readonly [string, From])[],
  to: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(entries.map(([name, value]) => [name, to(value)]));
}

function text(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
