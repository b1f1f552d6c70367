import { expect, vi } from 'vitest';
import type { RunView } from '../../src/api/views/run-view.ts';
import { until } from './bench.ts';
import {
  recordsOf,
  runCycle,
  tableSource,
  versionsOf,
  type EntityBench,
  type EntityInput,
  type SourceInput,
} from './entity-bench.ts';
import type { Stack } from './stack.ts';

/** Waits until a cycle has ended that leaves nothing to the next. Returns all cycles so far, newest first. */
export async function drained(stack: Stack, entity: string): Promise<RunView[]> {
  return vi.waitFor(
    async () => {
      const { runs } = await stack.client.runs.list({ entity });
      expect(runs[0]).toMatchObject({ status: 'completed', more: false });
      return runs;
    },
    { timeout: 30_000, interval: 100 },
  );
}

/** Matches a list of so many texts. */
export function some(count: number): unknown[] {
  return Array.from({ length: count }, () => expect.any(String));
}

/** Returns a source, by its connection: table `anew`, whose fields are those of the entity. */
export function sourceBy(
  connection: string,
  fields: string[],
  attach: string,
): [string, SourceInput] {
  const same = Object.fromEntries(fields.map((field) => [field, field]));
  return [connection, tableSource(connection, 'anew', { attach: [[attach]], fields: same })];
}

/** Returns an entity of contacts from these sources; the latest value of a field counts. */
export function contactBy(
  sources: [string, SourceInput][],
  more: Partial<EntityInput> = {},
): EntityInput {
  return {
    fields: { code: 'text', name: 'text', phone: 'text' },
    sources: Object.fromEntries(sources),
    authority: { code: 'latest', name: 'latest', phone: 'latest' },
    ...more,
  };
}

/** Waits until a cycle has started the run of a destination. Returns the run's id. */
export async function childOf(stack: Stack, cycle: string, destination: string): Promise<string> {
  const run = await until(stack.client, cycle, ({ children }) =>
    (children ?? []).some((child) => child.destination === destination),
  );
  return (run.children ?? []).find((child) => child.destination === destination)?.id ?? '';
}

/** Asserts that one more cycle writes nothing anywhere: not a row in these tables, not a record, not an entry. */
export async function expectSettled(
  stack: Stack,
  entity: string,
  tables: readonly (readonly [EntityBench['sf'], string])[],
): Promise<void> {
  const look = async () => [
    await Promise.all(tables.map(([db, table]) => versionsOf(db, table))),
    await recordsOf(stack, entity, { deleted: true }),
  ];
  await runCycle(stack, entity);
  const before = await look();
  const { run, counts, to } = await runCycle(stack, entity);
  expect(await look()).toEqual(before);
  expect(run.outcome).toBe('nothing_written');
  expect(counts['save.updated'] ?? 0).toBe(0);
  for (const { stats } of Object.values(to))
    expect(stats).toMatchObject({ created: 0, updated: 0, removed: 0, errors: 0 });
}

/** Returns the first moment of a day of January 2026. */
export function day(n: number): string {
  return `2026-01-${String(n).padStart(2, '0')}T00:00:00Z`;
}

/** Makes every write of a table set its watermark, after `normalise`, PL/pgSQL on the row NEW. */
export async function touchWith(
  db: EntityBench['sf'],
  table: string,
  normalise = '',
): Promise<void> {
  await db.query(`CREATE FUNCTION touch_${table}() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN ${normalise} NEW.changed := clock_timestamp(); RETURN NEW; END $$;
    CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON ${table}
      FOR EACH ROW EXECUTE FUNCTION touch_${table}()`);
}
