import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { unlimited } from '../../src/connectors/contract/calls.ts';
import type { Destination } from '../../src/connectors/contract/destination.ts';
import type { WriteOperation, WriteResult } from '../../src/connectors/contract/records.ts';
import { untilDone } from './acts.ts';
import { heldRecords as held, linkTo, openDestination, type Harness } from './harness.ts';

type Keyed = Exclude<Destination, { readonly kind: 'staging' }>;

/** Tests the duties of a destination that has its own ways to remove records, or must keep some. */
export function removalSuite(harness: () => Harness): void {
  it('tells how few records removals must leave, where the system says so', async () => {
    await harness().seed([{ code: 'a', name: 'n', note: 'm' }]);
    await withTarget(harness(), {}, async (destination) => {
      expect(destination.leastRecords).toBe(harness().leastRecords);
    });
  });

  it('archives records, which are found again and come back', async ({ skip }) => {
    if (!removalsOf(harness()).includes('archive')) {
      skip();
      return;
    }
    await harness().seed(['a', 'b'].map((code) => ({ code, name: 'n', note: 'm' })));
    await withTarget(harness(), { removal: 'archive' }, async (destination) => {
      const keyed = keyedOf(destination);
      const [there] = (await keyed.lookup?.([['a']], unlimited)) ?? [];
      expect(there?.archived ?? false).toBe(false);
      const id = there?.id ?? null;
      expect(await write(keyed, { ...operation('remove'), id })).toMatchObject(accepted);
      expect((await held(harness())).map(([code]) => code)).toEqual(['b']);
      const [hidden] = (await keyed.lookup?.([['a']], unlimited)) ?? [];
      expect(hidden).toMatchObject({ key: ['a'], archived: true });
      const scanned: unknown[] = keyed.scan ? [] : ['b'];
      for await (const page of keyed.scan?.(unlimited) ?? [])
        scanned.push(...page.flatMap(({ key }) => key));
      expect(scanned).toEqual(['b']);
      const restore = { ...operation('update'), id, restore: true };
      expect(await write(keyed, restore)).toMatchObject(accepted);
      expect((await held(harness())).map(([code]) => code)).toEqual(['a', 'b']);
    });
  });

  it('removes records for good where it is told to', async ({ skip }) => {
    if (!removalsOf(harness()).includes('archive')) {
      skip();
      return;
    }
    expect(removalsOf(harness())).toContain('delete');
    await harness().seed(['a', 'b'].map((code) => ({ code, name: 'n', note: 'm' })));
    await withTarget(harness(), { removal: 'delete' }, async (destination) => {
      const keyed = keyedOf(destination);
      const [there] = (await keyed.lookup?.([['a']], unlimited)) ?? [];
      const remove = { ...operation('remove'), id: there?.id ?? null };
      expect(await write(keyed, remove)).toMatchObject(accepted);
      expect(await keyed.lookup?.([['a']], unlimited)).toEqual([]);
    });
  });
}

const accepted = [{ ok: true }];

function removalsOf({ connector, settings, target }: Harness): readonly string[] {
  const { stream = '', options = {} } = target?.({}) ?? {};
  const parsed = connector.settings.parse(settings);
  return connector.destination?.removals?.(parsed, { stream, options }) ?? ['delete'];
}

function keyedOf(destination: Destination): Keyed {
  if (destination.kind === 'staging') throw new Error('a destination that stages archives nothing');
  return destination;
}

function operation(kind: WriteOperation['operation']): WriteOperation {
  return { operation: kind, key: ['a'], id: null, values: {}, idempotencyKey: randomUUID() };
}

async function write(destination: Keyed, one: WriteOperation): Promise<WriteResult[]> {
  if (destination.kind === 'records') return destination.write([one], unlimited);
  const job = await destination.submit([one], randomUUID(), unlimited);
  await untilDone(destination, job, unlimited);
  return destination.results(job, [one], unlimited);
}

async function withTarget(
  harness: Harness,
  options: Parameters<NonNullable<Harness['target']>>[0],
  use: (destination: Destination) => Promise<void>,
): Promise<void> {
  const target = harness.target?.(options);
  if (target === undefined) throw new Error('the harness has no target');
  const link = linkTo(harness);
  try {
    await use(await openDestination(harness, link, target));
  } finally {
    await link.close();
  }
}
