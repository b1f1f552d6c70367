import type { DirectStaging } from '../../src/connectors/testing/direct.ts';
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import type { ChunkRef, ChunkResult } from '../../src/connectors/contract/staging.ts';
import type { Stats } from '../../src/model/outcome.ts';
import { permissionsOf } from '../../src/model/mode.ts';
import type { Value } from '../../src/model/record.ts';
import { connectTo, heldRecords as held, type Harness, type TargetOptions } from './harness.ts';
import { rowsIn, suiteLayout } from './staged.ts';

type Row = readonly [code: Value, name: Value, note: Value];

/** Tests the duties of every destination that stages chunks. */
export function stagingSuite(harness: () => Harness): void {
  const seeded = () =>
    harness().seed([
      { code: 'a', name: 'one', note: 'n' },
      { code: 'b', name: 'two', note: 'n' },
    ]);
  const rows: Row[] = [
    ['a', 'one', 'n'],
    ['b', 'changed', 'Zoë\t"木"\\N'],
    ['c', 'three', null],
  ];

  it('counts created, updated and unchanged, and applies a chunk once (R5)', async () => {
    await seeded();
    await withDestination(harness(), {}, async (destination) => {
      const chunk = { run: randomUUID(), chunk: 0, token: 1 };
      const first = await stageAndApply(destination, chunk, rows);
      expect(counts(first)).toEqual({ imported: 3, created: 1, updated: 1, unchanged: 1 });
      const expected = [
        ['a', 'one', 'n'],
        ['b', 'changed', 'Zoë\t"木"\\N'],
        ['c', 'three', null],
      ];
      expect(await held(harness())).toEqual(expected);
      expect(await destination.apply(chunk, layout, { dryRun: false })).toEqual(first);
      expect(await stageAndApply(destination, { ...chunk, token: 2 }, rows)).toEqual(first);
      expect(await held(harness())).toEqual(expected);
      await destination.cleanUp(chunk.run);
      await destination.cleanUp(chunk.run);
    });
  });

  it('finds everything unchanged in a second run', async () => {
    await seeded();
    await withDestination(harness(), {}, async (destination) => {
      await applied(destination, rows);
      const { stats } = await applied(destination, rows);
      expect(stats).toMatchObject({ imported: 3, created: 0, updated: 0, unchanged: 3 });
    });
  });

  it('only counts in a dry run', async () => {
    await seeded();
    await withDestination(harness(), {}, async (destination) => {
      const chunk = { run: randomUUID(), chunk: 0, token: 1 };
      const result = await stageAndApply(destination, chunk, rows, true);
      expect(counts(result)).toEqual({ imported: 3, created: 1, updated: 1, unchanged: 1 });
      expect(await held(harness())).toEqual([
        ['a', 'one', 'n'],
        ['b', 'two', 'n'],
      ]);
      await destination.cleanUp(chunk.run);
    });
  });

  it('skips what the mode does not allow', async () => {
    await seeded();
    await withDestination(
      harness(),
      { permissions: permissionsOf('update') },
      async (destination) => {
        const { stats } = await applied(destination, rows);
        expect(stats).toMatchObject({ created: 0, updated: 1, unchanged: 1 });
        expect(stats.skipped.mode).toBe(1);
      },
    );
    await seeded();
    await withDestination(
      harness(),
      { permissions: permissionsOf('create') },
      async (destination) => {
        const { stats } = await applied(destination, rows);
        expect(stats).toMatchObject({ created: 1, updated: 0 });
        expect(stats.unchanged + stats.skipped.mode).toBe(2);
      },
    );
  });

  it('makes a record error of a missing key and lets the later of two equal keys win (R8, R10)', async () => {
    await seeded();
    await withDestination(harness(), {}, async (destination) => {
      const { stats, errors } = await applied(destination, [
        [null, 'nobody', 'n'],
        ['d', 'earlier', 'n'],
        ['d', 'later', 'n'],
      ]);
      expect(errors.map((error) => error.code)).toEqual(['missing_key']);
      expect(stats).toMatchObject({ imported: 3, created: 1, errors: 1 });
      expect(stats.skipped.duplicate).toBe(1);
      expect(balance(stats)).toBe(stats.imported);
    });
    expect(await held(harness())).toContainEqual(['d', 'later', 'n']);
  });

  it('isolates a refused record', async ({ skip }) => {
    const { refused } = harness();
    if (refused === undefined) {
      skip();
      return;
    }
    await harness().seed([]);
    await withDestination(harness(), {}, async (destination) => {
      const { stats, errors } = await applied(destination, [
        ['good', 'n', 'm'],
        ['bad', refused['name'], refused['note']],
      ]);
      expect(stats).toMatchObject({ created: 1, errors: 1 });
      expect(errors.map((error) => error.key)).toEqual([['bad']]);
    });
    expect(await held(harness())).toEqual([['good', 'n', 'm']]);
  });

  it('removes exactly the records that no chunk held, once (R7)', async () => {
    await harness().seed(['a', 'b', 'x', 'y'].map((code) => ({ code, name: 'n', note: 'n' })));
    await withDestination(
      harness(),
      { permissions: permissionsOf('mirror') },
      async (destination) => {
        const run = randomUUID();
        await stageAndApply(destination, { run, chunk: 0, token: 1 }, [['a', 'n', 'n']]);
        await stageAndApply(destination, { run, chunk: 1, token: 1 }, [['b', 'n', 'n']]);
        const plan = await destination.planRemoval(run);
        expect(plan).toMatchObject({ remove: 2, of: 4 });
        const removed = await destination.remove(run);
        expect(removed).toEqual({ removed: 2, errors: [] });
        expect(await destination.remove(run)).toEqual(removed);
        await destination.cleanUp(run);
      },
    );
    expect((await held(harness())).map(([code]) => code)).toEqual(['a', 'b']);
  });
}

const layout = suiteLayout('json');

async function applied(destination: DirectStaging, rows: readonly Row[]): Promise<ChunkResult> {
  const run = randomUUID();
  const result = await stageAndApply(destination, { run, chunk: 0, token: 1 }, rows);
  await destination.cleanUp(run);
  return result;
}

async function stageAndApply(
  destination: DirectStaging,
  chunk: ChunkRef,
  rows: readonly Row[],
  dryRun = false,
): Promise<ChunkResult> {
  await destination.stageRows(chunk, layout, rowsIn(rows));
  return destination.apply(chunk, layout, { dryRun });
}

function counts({ stats }: ChunkResult) {
  const { imported, created, updated, unchanged } = stats;
  return { imported, created, updated, unchanged };
}

function balance(stats: Stats): number {
  const skipped = Object.values(stats.skipped).reduce((sum, count) => sum + count, 0);
  return stats.created + stats.updated + stats.unchanged + skipped + stats.errors;
}

async function withDestination(
  harness: Harness,
  options: TargetOptions,
  use: (destination: DirectStaging) => Promise<void>,
): Promise<void> {
  const connection = connectTo(harness);
  try {
    const target = harness.target?.(options);
    const destination = target && (await connection.destination?.(target));
    if (destination?.kind !== 'staging') throw new Error('the connector stages nothing');
    await use(destination);
  } finally {
    await connection.close();
  }
}
