import type { RecordId } from '../../model/golden-record.ts';
import type { JsonObject } from '../../model/json.ts';
import { ruleOf } from './match-rules.ts';
import { matchKeys, type EntityPlan } from './plan.ts';
import { compareIds } from './record-id.ts';

/** The duplicates among the records of an entity. */
export interface Duplicates {
  /** Groups of two or more records, smallest ids first. No record is in two groups. */
  readonly groups: readonly (readonly RecordId[])[];
  /** Groups that are larger than the guard allows; they are not merged. */
  readonly tooLarge: readonly {
    readonly records: readonly RecordId[];
    /** The rule by which the records are equal; several rules are joined by `or`. */
    readonly rule: string;
  }[];
}

/** Returns the match keys of the merge rules; they are a subset of those of `matchKeys`. */
export function mergeKeys(plan: EntityPlan, values: JsonObject): string[] {
  return plan.merge === null ? [] : matchKeys(plan.merge.rules, values);
}

/**
 * Groups records that share a key, transitively: if A and B share one, and B and C another, all three form a group. A
 * key that more records than the guard share groups nothing.
 * @param shared the live records by match key of the merge rules
 * @param guard the most records of a group
 */
export function findDuplicates(
  shared: ReadonlyMap<string, readonly RecordId[]>,
  guard: number,
): Duplicates {
  const parents = new Map<RecordId, RecordId>();
  const tooLarge: { records: readonly RecordId[]; rule: string }[] = [];
  const linking: [string, RecordId][] = [];
  for (const [key, holders] of shared) {
    const records = [...new Set(holders)];
    const [first, ...others] = records;
    if (first === undefined || others.length === 0) continue;
    if (records.length > guard) {
      tooLarge.push({ records: records.toSorted(compareIds), rule: ruleOf(key) });
      continue;
    }
    for (const other of others) unite(parents, first, other);
    linking.push([ruleOf(key), first]);
  }
  const groups: RecordId[][] = [];
  const rules = rulesByRoot(linking, parents);
  for (const [root, members] of membersOf(parents)) {
    const records = members.toSorted(compareIds);
    if (records.length <= guard) groups.push(records);
    else tooLarge.push({ records, rule: [...(rules.get(root) ?? [])].join(' or ') });
  }
  return { groups: groups.toSorted(byFirst), tooLarge };
}

function unite(parents: Map<RecordId, RecordId>, a: RecordId, b: RecordId): void {
  const rootA = rootOf(parents, a);
  const rootB = rootOf(parents, b);
  if (rootA === rootB) return;
  const [low, high] = compareIds(rootA, rootB) < 0 ? [rootA, rootB] : [rootB, rootA];
  parents.set(high, low);
}

/** Returns the record that stands for a group, and shortens the path to it (union-find). */
function rootOf(parents: Map<RecordId, RecordId>, record: RecordId): RecordId {
  let root = record;
  for (;;) {
    const parent = parents.get(root);
    if (parent === undefined) parents.set(root, root);
    if (parent === undefined || parent === root) break;
    root = parent;
  }
  for (let at = record; at !== root;) {
    const next = parents.get(at) ?? root;
    parents.set(at, root);
    at = next;
  }
  return root;
}

function membersOf(parents: Map<RecordId, RecordId>): Map<RecordId, RecordId[]> {
  const members = new Map<RecordId, RecordId[]>();
  for (const record of parents.keys()) {
    const root = rootOf(parents, record);
    const group = members.get(root);
    if (group === undefined) members.set(root, [record]);
    else group.push(record);
  }
  return members;
}

function rulesByRoot(
  linking: readonly (readonly [string, RecordId])[],
  parents: Map<RecordId, RecordId>,
): Map<RecordId, Set<string>> {
  const rules = new Map<RecordId, Set<string>>();
  for (const [rule, record] of linking) {
    const root = rootOf(parents, record);
    const known = rules.get(root);
    if (known === undefined) rules.set(root, new Set([rule]));
    else known.add(rule);
  }
  return rules;
}

function byFirst(a: readonly RecordId[], b: readonly RecordId[]): number {
  return compareIds(a[0] ?? '', b[0] ?? '');
}
