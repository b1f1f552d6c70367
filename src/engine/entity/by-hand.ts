import type { Decision, FieldChange, LogEntry } from '../../model/entity-log.ts';
import {
  manualSource,
  type RecordChange,
  type SourceRecord,
  type SourceTime,
} from '../../model/golden-record.ts';
import type { Json } from '../../model/json.ts';
import { own } from '../../model/own.ts';
import { rankOf, type Authority } from './authority.ts';
import { Draft } from './draft.ts';
import type { MergeCandidate } from './merge.ts';
import type { EntityPlan } from './plan.ts';
import { isEmpty, sameFieldValue } from './same.ts';
import { compareTimes, sourceTime } from './source-time.ts';
import type { CycleContext } from './unify.ts';

/** What a person's decision changes, stored in one transaction. */
export interface DecidedByHand {
  readonly change: RecordChange;
  /** Replaces the record's log entry of the cycle. */
  readonly entries: readonly LogEntry[];
}

/** The next cycle of the entity, and the time. */
type Context = Omit<CycleContext, 'newId'>;

/**
 * Sets a field by hand: no source changes it until that is taken back.
 * @param value of the field's type
 */
export function setByHand(
  plan: EntityPlan,
  held: MergeCandidate,
  { field, value, reason }: { field: string; value: Json; reason: string },
  { cycle, now }: Context,
): DecidedByHand {
  const draft = draftOf(plan, held);
  const at = timeOf(now);
  const old = draft.values[field] ?? null;
  draft.set(field, value, { source: manualSource, at, cycle, reason });
  const change = {
    field,
    old,
    new: value,
    source: manualSource,
    at,
    by: 'manual',
    reason,
  } as const;
  return decided(draft, change, { cycle, now });
}

/**
 * Takes back a value that was set by hand: of the values that the sources said last, the field's authority decides. A
 * ranked field gets that of the best ranked source. A field that no source says a value of becomes one that nothing has
 * set.
 * @returns null when the field was not set by hand
 */
export function takeBack(
  plan: EntityPlan,
  held: MergeCandidate,
  field: string,
  { cycle, now }: Context,
): DecidedByHand | null {
  if (held.record.setBy[field]?.source !== manualSource) return null;
  const draft = draftOf(plan, held);
  const old = draft.values[field] ?? null;
  const best = bestSaid(plan, field, old, held.sourceRecords);
  const value = best?.values[field] ?? null;
  const { system: source, at } = best ?? { system: manualSource, at: timeOf(now) };
  if (best === undefined) draft.unset(field);
  else draft.set(field, value, { source, at, cycle });
  const by: Decision = best === undefined ? 'manual' : (plan.authority.get(field)?.by ?? 'only');
  const change = { field, old, new: value, source, at, by, reason: 'taken back' };
  return decided(draft, change, { cycle, now });
}

/** Returns the time in the form of a source's, so that both can be compared. */
function timeOf(now: number): SourceTime {
  return sourceTime(new Date(now).toISOString());
}

function draftOf(plan: EntityPlan, { record, sourceRecords, entry }: MergeCandidate): Draft {
  return Draft.of(plan, record, sourceRecords, entry);
}

function decided(draft: Draft, change: FieldChange, { cycle, now }: Context): DecidedByHand {
  const changes = [change, ...draft.derive(cycle)];
  draft.rekey();
  draft.updatedAt = now;
  const none = { refused: [], ids: [], merged: [] };
  draft.log({ record: draft.id, operation: 'update', changes, ...none });
  return { change: draft.changed(), entries: [draft.entry() ?? []].flat() };
}

/** Returns the source record whose value of the field counts; undefined when none has one. */
function bestSaid(
  plan: EntityPlan,
  field: string,
  byHand: Json,
  sourceRecords: readonly SourceRecord[],
): SourceRecord | undefined {
  const authority = plan.authority.get(field);
  const said = sourceRecords.filter(
    ({ system, values }) =>
      own(plan.sources, system)?.fields.some(({ name }) => name === field) === true &&
      !isEmpty(values[field]) &&
      (authority?.by !== 'owner' || authority.owner === system),
  );
  // A system that is a destination too holds what was set by hand because it was written there.
  const original = said.filter(
    ({ system, values }) =>
      own(plan.spec.destinations, system) === undefined ||
      !sameFieldValue(values[field] ?? null, byHand),
  );
  // Of equally good ones the source that is declared first decides, then the id: the store gives them in no order.
  const order = Object.keys(plan.sources);
  const [first, ...others] = (original.length > 0 ? original : said).toSorted(
    (a, b) => order.indexOf(a.system) - order.indexOf(b.system) || (a.id < b.id ? -1 : 1),
  );
  return others.reduce((best, next) => (isBetter(authority, next, best) ? next : best), first);
}

function isBetter(
  authority: Authority | undefined,
  next: SourceRecord,
  best: SourceRecord | undefined,
): boolean {
  if (best === undefined) return true;
  const ahead =
    authority?.by === 'ranked'
      ? rankOf(authority.ranks, best.system) - rankOf(authority.ranks, next.system)
      : 0;
  return ahead > 0 || (ahead === 0 && compareTimes(next.at, best.at) > 0);
}
