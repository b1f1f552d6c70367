import type { FieldChange, LogEntry, RefusedValue } from '../../model/entity-log.ts';
import type { GoldenRecord, Provenance, SourceTime } from '../../model/golden-record.ts';
import type { Json, JsonObject } from '../../model/json.ts';

/** A golden record as it rests. */
export type StoredRecord = Pick<GoldenRecord, 'values' | 'setBy'>;
/** An entry of the log as it rests. */
export type StoredLog = Omit<LogEntry, 'record' | 'operation'>;

/** Fields that were set together share their provenance: `s` names the place in `p` of each. */
interface CompactRecord {
  readonly v: JsonObject;
  readonly p: readonly Origin[];
  readonly s: Readonly<Record<string, number>>;
}

/** `more` holds what few origins have. */
type Origin = readonly [
  source: string,
  at: SourceTime,
  cycle: number,
  more?: Omit<Provenance, 'source' | 'at' | 'cycle'>,
];
type Said = readonly [source: string, at: SourceTime];
type Change = readonly [
  field: string,
  old: Json,
  now: Json,
  by: FieldChange['by'],
  said: number,
  reason?: string,
];
type Refusal = readonly [field: string, value: Json, by: RefusedValue['by'], said: number];

/** Source and time of changes rest once, in `p`. */
interface CompactLog {
  readonly p: readonly Said[];
  readonly c: readonly Change[];
  readonly r?: readonly Refusal[];
  readonly i?: LogEntry['ids'];
  readonly m?: LogEntry['merged'];
}

/** A record as it rests: about half as long as it is written out. */
export function compactRecord({ values, setBy }: StoredRecord): CompactRecord {
  const p: Origin[] = [];
  const s: Record<string, number> = {};
  let last: Provenance | undefined;
  for (const field in setBy) {
    const one = setBy[field];
    if (one === undefined) continue;
    if (last !== one && !isSame(last, one)) {
      last = one;
      const { source, at, cycle, ...more } = one;
      p.push(isPlain(one) ? [source, at, cycle] : [source, at, cycle, more]);
    }
    s[field] = p.length - 1;
  }
  return { v: values, p, s };
}

/** Reads what {@link compactRecord} made. */
export function wholeRecord(compact: unknown): StoredRecord {
  const { v, p, s } = compact as CompactRecord;
  const all = p.map(([source, at, cycle, more]): Provenance => ({ source, at, cycle, ...more }));
  const setBy: Record<string, Provenance> = {};
  for (const field in s) {
    const one = all[s[field] ?? -1];
    if (one !== undefined) setBy[field] = one;
  }
  return { values: v, setBy };
}

/** An entry of the log as it rests. */
export function compactLog({ changes, refused, ids, merged }: StoredLog): CompactLog {
  const said: Said[] = [];
  const place = ({ source, at }: { source: string; at: SourceTime }): number => {
    const last = said.at(-1);
    if (last === undefined || last[0] !== source || last[1] !== at) said.push([source, at]);
    return said.length - 1;
  };
  const c = changes.map((one): Change => {
    const change = [one.field, one.old, one.new, one.by, place(one)] as const;
    return one.reason === undefined ? change : [...change, one.reason];
  });
  const r = refused.map((one): Refusal => [one.field, one.value, one.by, place(one)]);
  return {
    p: said,
    c,
    ...(r.length > 0 && { r }),
    ...(ids.length > 0 && { i: ids }),
    ...(merged.length > 0 && { m: merged }),
  };
}

/** Reads what {@link compactLog} made. */
export function wholeLog(compact: unknown): StoredLog {
  const { p, c, r = [], i = [], m = [] } = compact as CompactLog;
  const said = (place: number): { source: string; at: SourceTime } => {
    const [source = '', at = null] = p[place] ?? [];
    return { source, at };
  };
  return {
    changes: c.map(([field, old, now, by, at, reason]) => ({
      field,
      old,
      new: now,
      ...said(at),
      by,
      ...(reason !== undefined && { reason }),
    })),
    refused: r.map(([field, value, by, at]) => ({ field, value, ...said(at), by })),
    ids: i,
    merged: m,
  };
}

function isSame(one: Provenance | undefined, other: Provenance): boolean {
  return (
    one !== undefined &&
    one.source === other.source &&
    one.at === other.at &&
    one.cycle === other.cycle &&
    isPlain(one) &&
    isPlain(other)
  );
}

/** True when an origin is only a source, a time and a cycle, as most are. */
function isPlain({ over, reason }: Provenance): boolean {
  return over === undefined && reason === undefined;
}
