import type { LogEntry } from '../../model/entity-log.ts';
import type { FieldOrigin, LostValue } from '../../model/field-origin.ts';
import type { GoldenRecord, SourceRecord } from '../../model/golden-record.ts';
import { manualSource } from '../../model/golden-record.ts';
import type { Authority } from './authority.ts';
import { sameFieldValue } from './same.ts';

/** A log entry with the number of its cycle. */
type Logged = LogEntry & { readonly cycle: number };

/** What is known of a record, and of what was merged into it. */
export interface Known {
  readonly record: Pick<GoldenRecord, 'id' | 'values' | 'setBy'>;
  /** Entries of the record and of those merged into it, newest first. */
  readonly log: readonly Logged[];
  /** What the systems said last of the record. */
  readonly sourceRecords: readonly SourceRecord[];
  /** The rule of each field that sources set. */
  readonly authorities: ReadonlyMap<string, Authority>;
}

/** Returns the origin of each field that is set. */
export function originsOf(known: Known): Record<string, FieldOrigin> {
  const { record, log, authorities } = known;
  const origins: Record<string, FieldOrigin> = {};
  for (const [field, { source, at, cycle, reason }] of Object.entries(record.setBy)) {
    const value = record.values[field] ?? null;
    const decided = log
      .flatMap(({ changes }) => changes.toReversed())
      .find(
        (one) => one.field === field && one.source === source && sameFieldValue(one.new, value),
      );
    const usual = source === '_' ? 'derived' : authorities.get(field)?.by;
    const by = source === manualSource ? 'manual' : (decided?.by ?? usual ?? 'only');
    const said = { value, source, at, by, cycle };
    const lost = source === '_' ? [] : lostOf(known, field);
    origins[field] = { ...said, ...(reason !== undefined && { reason }), lost };
  }
  return origins;
}

/** Returns the last value of each source, in each of the merged records, that the field does not have. */
function lostOf({ record, log, sourceRecords, authorities }: Known, field: string): LostValue[] {
  const value = record.values[field] ?? null;
  /** The last value of each source; null where the field has it. */
  const last = new Map<string, LostValue | null>();
  const note = (key: string, said: LostValue): void => {
    const isLost = said.value !== null && !sameFieldValue(said.value, value);
    if (!last.has(key)) last.set(key, isLost ? said : null);
  };
  for (const { record: id, cycle, changes, refused } of log) {
    const isMerged = id !== record.id;
    const given = [
      ...refused.map((one) => ({ ...one, how: 'refused' as const })),
      ...changes
        .toReversed()
        .map(({ new: next, ...one }) => ({ ...one, value: next, how: 'overwritten' as const })),
    ];
    for (const { field: of, value: said, source, at, by, how: otherwise } of given) {
      if (of !== field || (!isMerged && source === record.setBy[field]?.source)) continue;
      const how = isMerged ? 'merged' : otherwise;
      note(`${id} ${source}`, { value: said, source, at, by, how, cycle });
    }
  }
  // The log holds one value of a field and cycle: what lost within a cycle is known from the system alone.
  const by = authorities.get(field)?.by ?? 'only';
  for (const { system: source, at, values } of sourceRecords)
    if (source !== record.setBy[field]?.source && values[field] !== undefined)
      note(`${record.id} ${source}`, {
        value: values[field],
        source,
        at,
        by,
        how: 'refused',
        cycle: null,
      });
  return [...last.values()].filter((one) => one !== null);
}
