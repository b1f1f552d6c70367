import type { IncomingRecord } from '../../model/golden-record.ts';
import type { Json, JsonObject } from '../../model/json.ts';
import type { Candidates } from './candidates.ts';
import { withDerived } from './derived.ts';
import type { Draft } from './draft.ts';
import { findDuplicates, mergeKeys } from './duplicates.ts';
import type { EntityPlan, SourcePlan } from './plan.ts';
import { compareIds } from './record-id.ts';

/**
 * Returns the values by which an incoming record is matched; with derived fields when a rule of `attach` reads one.
 */
export function attachValues(plan: EntityPlan, source: SourcePlan, values: JsonObject): JsonObject {
  return source.attachDerived ? withDerived(plan.derived, values) : values;
}

/**
 * Finds the record that an incoming record without a known id belongs to. Alternatives are tried in order; the first
 * one that matches any record decides.
 * @returns null when none matches; the number of matching records when there are several and the entity is told to
 *   choose none
 */
export function attach(
  plan: EntityPlan,
  source: SourcePlan,
  incoming: IncomingRecord,
  candidates: Candidates,
): Draft | number | null {
  const probe = attachValues(plan, source, incoming.values);
  for (const rule of source.attach) {
    const key = rule.keyOf(probe);
    if (key === null) continue;
    const found = candidates.find(key, source.name);
    const [first] = found;
    if (first === undefined) continue;
    return found.length === 1 ? first : choose(plan, found);
  }
  return null;
}

function choose(plan: EntityPlan, found: readonly Draft[]): Draft | number {
  const distinct = withoutDuplicates(plan, found.toSorted(compareByAge));
  const [oldest] = distinct;
  if (oldest === undefined || distinct.length === 1) return oldest ?? 0;
  switch (plan.spec.ambiguous) {
    case 'error':
      return distinct.length;
    case 'oldest':
      return oldest;
    case 'updated':
      return greatest(distinct, (draft) => draft.updatedAt);
    default:
      return greatest(distinct, (draft) => completeness(draft.values));
  }
}

/** Keeps only the oldest of records that would be merged anyway. */
function withoutDuplicates(plan: EntityPlan, oldestFirst: readonly Draft[]): readonly Draft[] {
  if (plan.merge === null || plan.merge.report) return oldestFirst;
  const shared = new Map<string, string[]>();
  for (const { id, values } of oldestFirst) {
    for (const key of mergeKeys(plan, values)) {
      const ids = shared.get(key);
      if (ids === undefined) shared.set(key, [id]);
      else ids.push(id);
    }
  }
  const groups = new Map<string, number>();
  for (const [group, ids] of findDuplicates(shared, plan.merge.guard).groups.entries())
    for (const id of ids) groups.set(id, group);
  const seen = new Set<number>();
  return oldestFirst.filter(({ id }) => {
    const group = groups.get(id);
    if (group === undefined) return true;
    const isFirst = !seen.has(group);
    seen.add(group);
    return isFirst;
  });
}

/** Compares two records by age, the oldest first. */
export function compareByAge(
  a: { readonly id: string; readonly createdAt: number },
  b: { readonly id: string; readonly createdAt: number },
): number {
  return a.createdAt - b.createdAt || compareIds(a.id, b.id);
}

/** Returns the number of fields that are not null. */
export function completeness(values: JsonObject): number {
  return Object.values<Json>(values).filter((value) => value !== null).length;
}

/** Returns the draft with the greatest measure; the first of several equal ones. */
function greatest(drafts: readonly Draft[], measure: (draft: Draft) => number): Draft {
  return drafts.reduce((best, draft) => (measure(draft) > measure(best) ? draft : best));
}
