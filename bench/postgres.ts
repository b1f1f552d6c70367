import assert from 'node:assert/strict';
import type { RunView } from '../src/api/views/run-view.ts';
import { createDatabase, type Database } from '../test/support/database.ts';
import {
  scenarios,
  type Contender,
  type Measured,
  type Round,
  type Scenario,
} from './contenders/contender.ts';
import { openLimit } from './contenders/limit.ts';
import { asContender, openPeers } from './contenders/peers.ts';
import { expressed, expressedColumns, openSluice } from './contenders/sluice.ts';
import { startCluster, type Cluster } from './support/cluster.ts';
import {
  checksum,
  digest,
  fillCustomers,
  thinCustomers,
  touchCustomers,
} from './support/customers.ts';
import { say } from './support/measure.ts';
import { isWanted, type BenchOptions } from './support/options.ts';
import { cpuSeconds, endedCpuSeconds } from './support/proc.ts';
import { readResults, writeResults } from './support/results.ts';
import { startSluice } from './support/sluice.ts';

/** The measurements of a round, by scenario and contender. */
export type RoundResult = Partial<Record<Scenario, Record<string, Measured>>>;

/** Results of bench 1. */
export interface PostgresResults {
  readonly titles: Record<string, string>;
  readonly rounds: readonly { readonly rows: number; readonly results: RoundResult }[];
}

/** Bench 1: Postgres → Postgres, in interleaved rounds; a wrong result fails it. */
export async function benchPostgres(options: BenchOptions): Promise<void> {
  const rows = options.rows ?? 1_000_000;
  const cluster = await startCluster();
  const sluice = isWanted(options, 'sluice') ? await startSluice() : undefined;
  try {
    const source = await createDatabase('source');
    const limit = await openLimit();
    const others = [
      ...(sluice ? [await openSluice(sluice, source)] : []),
      ...(options.peers ? (await openPeers(source, options)).map(asContender) : []),
    ];
    const before = options.add ? readResults<PostgresResults>('postgres')?.data : undefined;
    const rounds = [...(before?.rounds ?? [])];
    const titles = { ...before?.titles };
    for (const { name, title } of [limit, ...others]) titles[name] = title;
    for (let no = 0; no < options.rounds; no++) {
      for (const [size, contenders] of bySize(others, rows)) {
        const round: Round = { no, source, rows: size, watermark: '' };
        const results = await runRound(cluster, round, [limit, ...contenders]);
        rounds.push({ rows: size, results });
        writeResults('postgres', { titles, rounds } satisfies PostgresResults, cluster.version);
      }
    }
  } finally {
    await sluice?.close();
    await cluster.stop();
  }
}

/**
 * Groups contenders by the rows they are measured with: slow ones get fewer, and the limit is measured with as few
 * beside them.
 */
function bySize(contenders: readonly Contender[], rows: number): Map<number, Contender[]> {
  const groups = new Map<number, Contender[]>();
  for (const contender of contenders) {
    const size = Math.min(rows, contender.maxRows ?? rows);
    groups.set(size, [...(groups.get(size) ?? []), contender]);
  }
  return groups;
}

/** One round: each scenario by each contender in turn; who begins changes with the round. */
async function runRound(
  cluster: Cluster,
  round: Round,
  contenders: readonly Contender[],
): Promise<RoundResult> {
  await fillCustomers(round.source, round.rows);
  const left = new Set(contenders);
  for (const one of contenders) await orLeave(one, left, () => one.reset(round));
  const results: RoundResult = {};
  for (const scenario of scenarios) {
    const expected = await prepare(scenario, round);
    const turns = [...left].filter((one) => one.scenarios.includes(scenario));
    if (round.no % 2 === 1) turns.reverse();
    for (const one of turns)
      await orLeave(one, left, async () => {
        if (scenario === 'S2i') await one.prime?.(round);
        await cluster.checkpoint();
        const before = sharedCpu(cluster);
        const { cpu, ...measured } = await one.run(scenario, round, expected.stats);
        const after = sharedCpu(cluster);
        assert.equal(await expected.digest(one.destination), expected.wanted, 'wrong table');
        (results[scenario] ??= {})[one.name] = {
          ...measured,
          cpu: {
            ...cpu,
            client: after.client - before.client,
            'both databases': after.databases - before.databases,
          },
        };
        say(`${scenario} ${one.name} ${measured.seconds.toFixed(2)} s, ${round.rows} rows`);
        await one.destination.query('VACUUM ANALYZE');
      });
  }
  return results;
}

/** CPU seconds of what every contender uses. */
function sharedCpu({ pid }: Cluster): { client: number; databases: number } {
  return { client: endedCpuSeconds(), databases: cpuSeconds(pid) };
}

/** A peer that fails leaves the round; anyone else ends the bench. */
async function orLeave(
  one: Contender,
  left: Set<Contender>,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!one.mayFail) throw error;
    left.delete(one);
    say(`${one.title} leaves the round: ${(error as Error).message}`);
  }
}

/** The expected result of a scenario. */
interface Expected {
  /** The expected counts of Sluice. */
  readonly stats: Partial<RunView['stats']>;
  /** The digest of the right result, and how to make it of a destination. */
  readonly wanted: string;
  digest(destination: Database): Promise<string>;
}

/** Changes the source as the scenario wants it. */
async function prepare(scenario: Scenario, round: Round): Promise<Expected> {
  const { source } = round;
  const stats = await changeSource(scenario, round);
  if (scenario === 'S5')
    return {
      stats,
      wanted: await checksum(source, expressed),
      digest: (destination) =>
        checksum(destination, `SELECT ${expressedColumns} FROM public.expressed`),
    };
  return { stats, wanted: await digest(source), digest: (destination) => digest(destination) };
}

/** Returns what Sluice should count. */
async function changeSource(scenario: Scenario, round: Round): Promise<Expected['stats']> {
  const { source, rows } = round;
  if (scenario === 'S1') return { imported: rows, created: rows };
  if (scenario === 'S2') return { imported: rows, unchanged: rows };
  if (scenario === 'S2i') {
    round.watermark = (await source.value('SELECT max(updated_at) FROM public.customers')) ?? '';
    const imported = await from(source, round.watermark);
    return { imported, unchanged: imported };
  }
  if (scenario === 'S3') {
    const touched = await touchCustomers(source, 100);
    const imported = await from(source, round.watermark);
    return { imported, updated: touched, unchanged: imported - touched };
  }
  if (scenario === 'S4') {
    const removed = await thinCustomers(source, 1000);
    round.rows -= removed;
    return { imported: round.rows, unchanged: round.rows, removed };
  }
  const sql = `SELECT count(*) FROM public.customers WHERE country <> 'IN'`;
  const kept = Number(await source.value(sql));
  return { imported: rows, created: kept, skipped: rows - kept };
}

/** Counts the rows that Sluice reads by watermark, including those at the watermark itself. */
async function from(source: Database, watermark: string): Promise<number> {
  const sql = `SELECT count(*) FROM public.customers WHERE updated_at >= '${watermark}'`;
  return Number(await source.value(sql));
}
