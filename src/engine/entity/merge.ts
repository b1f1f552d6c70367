import type { FieldChange, IdChange, LogEntry } from '../../model/entity-log.ts';
import {
  manualSource,
  type GoldenRecord,
  type RecordChange,
  type SourceRecord,
} from '../../model/golden-record.ts';
import type { Json } from '../../model/json.ts';
import { compareByAge, completeness } from './attach.ts';
import { rankOf } from './authority.ts';
import { Draft } from './draft.ts';
import { evaluateOrNull } from './evaluate-or-null.ts';
import { compareJson } from './json-order.ts';
import type { FieldPolicy, WinnerRule } from './merge-plan.ts';
import type { EntityPlan } from './plan.ts';
import { isEmpty, sameFieldValue } from './same.ts';
import { compareTimes } from './source-time.ts';
import type { CycleContext } from './unify.ts';

/** One record of a group of duplicates. */
export interface MergeCandidate {
  readonly record: GoldenRecord;
  /** All of the record's source records. */
  readonly sourceRecords: readonly SourceRecord[];
  /** The log entry of what this cycle has done to the record so far. */
  readonly entry: LogEntry | undefined;
}

/** The changes of merging one group, stored in one transaction. */
export interface Merged {
  readonly winner: RecordChange;
  readonly losers: readonly RecordChange[];
  /** The losers' source records, which now belong to the winner. */
  readonly moved: readonly SourceRecord[];
  /** Complete log entries; each replaces the record's earlier entry of this cycle. */
  readonly entries: readonly LogEntry[];
}

/** Merges a group of two or more duplicates into its winner. */
export function mergeGroup(
  plan: EntityPlan,
  group: readonly MergeCandidate[],
  context: Omit<CycleContext, 'newId'>,
): Merged {
  const { merge } = plan;
  if (merge === null) throw new Error('the entity has no merge rules');
  const oldestFirst = group.toSorted((a, b) => compareByAge(a.record, b.record));
  const winner = winnerOf(merge.winner, oldestFirst);
  const losers = oldestFirst.filter((candidate) => candidate !== winner);
  const moved = losers.flatMap(({ sourceRecords }) =>
    sourceRecords.map((moving) => ({ ...moving, record: winner.record.id })),
  );

  const draft = draftOf(plan, winner);
  for (const { system, id } of moved) draft.attach({ system, id });
  const changes = takeFields(plan, draft, winner.record, losers);
  changes.push(...draft.derive(context.cycle));
  draft.rekey();
  draft.updatedAt = context.now;
  draft.log({
    record: draft.id,
    operation: 'merge',
    changes,
    refused: [],
    ids: moved.map(movedId),
    merged: losers.map(({ record }) => record.id),
  });

  const loserDrafts = losers.map((loser) => mergeAway(plan, loser, draft.id));
  return {
    winner: draft.changed(),
    losers: loserDrafts.map((loser) => loser.changed(draft.id)),
    moved,
    entries: [draft, ...loserDrafts].flatMap((each) => each.entry() ?? []),
  };
}

function draftOf(plan: EntityPlan, { record, sourceRecords, entry }: MergeCandidate): Draft {
  return Draft.of(plan, record, sourceRecords, entry);
}

function mergeAway(plan: EntityPlan, loser: MergeCandidate, winner: string): Draft {
  const draft = draftOf(plan, loser);
  for (const id of loser.sourceRecords) draft.detach(id);
  draft.deleted = true;
  draft.log({
    record: draft.id,
    operation: 'delete',
    changes: [],
    refused: [],
    ids: loser.sourceRecords.map(movedId),
    merged: [winner],
  });
  return draft;
}

function movedId({ system, id }: SourceRecord): IdChange {
  return { system, id, change: 'moved', by: 'merge' };
}

/** @param oldestFirst of several equally good ones the first wins */
function winnerOf(rule: WinnerRule, oldestFirst: readonly MergeCandidate[]): MergeCandidate {
  const better = betterBy(rule);
  return oldestFirst.reduce((best, next) => (better(next, best) ? next : best));
}

function betterBy(rule: WinnerRule): (next: MergeCandidate, best: MergeCandidate) => boolean {
  switch (rule.by) {
    case 'oldest':
      return () => false;
    case 'newest':
      return () => true;
    case 'complete':
      return (next, best) => completeness(next.record.values) > completeness(best.record.values);
    case 'ranked': {
      const rank = ({ sourceRecords }: MergeCandidate): number =>
        Math.min(rule.ranks.size, ...sourceRecords.map(({ system }) => rankOf(rule.ranks, system)));
      return (next, best) => rank(next) < rank(best);
    }
    default: {
      const value = ({ record }: MergeCandidate): Json => evaluateOrNull(rule.expr, record.values);
      return (next, best) => compareJson(value(next), value(best)) > 0;
    }
  }
}

/**
 * Gives the winner the values that the policies take from the losers, the oldest loser first. What a person set by hand
 * stays in the winner, and fills its empty fields from a loser, whatever the policy.
 */
function takeFields(
  plan: EntityPlan,
  draft: Draft,
  winner: GoldenRecord,
  losers: readonly MergeCandidate[],
): FieldChange[] {
  const changes: FieldChange[] = [];
  for (const { name } of plan.fields) {
    if (typeof plan.spec.fields[name] === 'object' || isByHand(winner, name)) continue;
    const policy = plan.merge?.policyOf(name) ?? never;
    let best = winner;
    for (const { record } of losers) {
      const better = isByHand(record, name)
        ? isEmpty(winner.values[name]) && !isEmpty(record.values[name]) && !isByHand(best, name)
        : mayMove(plan, name, record) && replaces(policy, name, record, best);
      if (better) best = record;
    }
    const setBy = best.setBy[name];
    if (best === winner || setBy === undefined) continue;
    const old = winner.values[name] ?? null;
    const value = best.values[name] ?? null;
    draft.set(name, value, setBy);
    const { source, at } = setBy;
    if (!sameFieldValue(value, old))
      changes.push({
        field: name,
        old,
        new: value,
        source,
        at,
        by: policy.by === 'never' || source === manualSource ? 'fill' : policy.by,
      });
  }
  return changes;
}

function isByHand({ setBy }: GoldenRecord, field: string): boolean {
  return setBy[field]?.source === manualSource;
}

const never: FieldPolicy = { by: 'never' };

/** True when the field may move. Of a field with an owner, only a value that the owner set may. */
function mayMove(plan: EntityPlan, field: string, { setBy }: GoldenRecord): boolean {
  const authority = plan.authority.get(field);
  return authority?.by !== 'owner' || setBy[field]?.source === authority.owner;
}

/**
 * True when a loser's value replaces the best one so far. An empty value never does; an empty best one is always
 * replaced.
 */
function replaces(
  policy: FieldPolicy,
  field: string,
  loser: GoldenRecord,
  best: GoldenRecord,
): boolean {
  if (policy.by === 'never' || isByHand(best, field) || isEmpty(loser.values[field])) return false;
  if (isEmpty(best.values[field])) return true;
  const mine = loser.setBy[field];
  const its = best.setBy[field];
  if (mine === undefined || its === undefined) return false;
  switch (policy.by) {
    case 'newest':
      return its.at === null ? mine.at !== null : compareTimes(mine.at, its.at) > 0;
    case 'ranked':
      return rankOf(policy.ranks, mine.source) < rankOf(policy.ranks, its.source);
    default:
      return false;
  }
}
