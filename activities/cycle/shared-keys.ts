import { ruleOf } from '../../src/engine/entity/match-rules.ts';
import type { EntityPlan } from '../../src/engine/entity/plan.ts';
import type { Unified } from '../../src/engine/entity/unify.ts';
import type { LoadedChunk } from './load-chunk.ts';

/**
 * Returns a function that tells whether other records may have a match key which a record of the chunk has got. Only
 * keys of merge rules count. A key is certainly not shared when no record had it as the chunk was loaded, and only one
 * record of the chunk has got it.
 */
export function possiblySharedKeys(
  { merge }: EntityPlan,
  { vacant }: LoadedChunk,
  { records }: Unified,
): (key: string) => boolean {
  if (merge === null) return () => false;
  const rules = new Set(merge.rules.map(({ name }) => name));
  const [once, twice] = [new Set<string>(), new Set<string>()];
  for (const { addedKeys } of records)
    for (const key of addedKeys) (once.has(key) ? twice : once).add(key);
  return (key) => rules.has(ruleOf(key)) && (twice.has(key) || !vacant(key));
}
