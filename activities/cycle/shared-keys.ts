import { ruleOf } from '../../src/engine/entity/match-rules.ts';
import type { EntityPlan } from '../../src/engine/entity/plan.ts';
import type { Unified } from '../../src/engine/entity/unify.ts';
import type { LoadedChunk } from './load-chunk.ts';

/**
 * Which keys that records of a chunk have got may be others' too: those of merge rules, but for the ones that nobody had
 * when the chunk was loaded and that one of its records has got.
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
