import { createHash } from 'node:crypto';
import { matchKeys, type EntityPlan } from '../../src/engine/entity/plan.ts';
import { rulesFingerprint } from '../../src/engine/entity/match-rules.ts';
import type { Store } from '../../src/store/store.ts';
import type { OpenEntity } from './entity.ts';

const pageSize = 2000;

/**
 * Builds the index of match keys anew when the match rules have changed, and marks all records to be compared when
 * match or merge rules have. Interrupted, it begins again, because the rules are noted last.
 */
export async function reindex(
  store: Store,
  entity: OpenEntity,
  plan: EntityPlan,
  signal: AbortSignal,
): Promise<void> {
  const rules = digest(rulesFingerprint(plan.rules));
  const merges = digest(JSON.stringify(entity.spec.merge ?? null));
  if (rules === entity.rules && merges === entity.merges) return;
  if (rules !== entity.rules) {
    await store.matchKeys.clear(entity.ref);
    for (let after = '0'; ;) {
      signal.throwIfAborted();
      const page = await store.records.page(entity.ref, after, pageSize);
      await store.matchKeys.add(
        entity.ref,
        page.flatMap(({ id, values }) =>
          matchKeys(plan.rules, values).map((key) => [key, id] as const),
        ),
      );
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.id;
    }
  }
  if (entity.spec.merge !== undefined) await store.records.compareAll(entity.ref);
  await store.entities.noteRules(entity.id, { rules, merges });
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
