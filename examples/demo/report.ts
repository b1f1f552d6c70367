import type { RunView } from '../../src/api/views/run-view.ts';
import { quota, type Ledger } from './api.ts';

/** The observations of both runs. */
export interface Seen {
  readonly total: number;
  readonly first: RunView;
  readonly second: RunView;
  /** The API's own counts after both runs. */
  readonly ledger: Ledger;
  /** The number of calls that the first run made. */
  readonly callsOfFirst: number;
  /** When the worker was killed (epoch milliseconds), and how many workers ran before and since. */
  readonly killedAt: number;
  readonly workers: readonly number[];
}

/** The summary, and whether everything held. */
export interface Report {
  readonly lines: readonly string[];
  readonly failed: readonly string[];
}

/** Sums up both runs; every number comes from the API's own ledger or from the finished runs. */
export function report(seen: Seen): Report {
  const { first, second, ledger, total } = seen;
  const counts = [...ledger.writes.values()];
  const doubles = counts.filter((count) => count > 1).length;
  const use = quotaUse(ledger.calls.slice(0, seen.callsOfFirst), seen.killedAt);
  const checks: [string, boolean][] = [
    ['both runs completed', first.status === 'completed' && second.status === 'completed'],
    ['the run created every record', first.stats.created === total && first.stats.errors === 0],
    ['the API holds every record, each written once', counts.length === total && doubles === 0],
    ['another worker took over', seen.workers.length > 1],
    ['the second run found everything unchanged', second.stats.unchanged === total],
    ['no call beyond 1% was refused (429)', ledger.limited <= ledger.calls.length / 100],
  ];
  const lines = [
    `records sent       ${first.stats.exported} of ${total}, ${first.stats.created} created, ${first.stats.errors} errors`,
    `written by the API ${counts.length}, ${doubles} twice; ${ledger.repeats} calls repeated after the kill and recognised`,
    `workers            ${seen.workers.length - 1} killed (kill -9) and replaced: ${seen.workers.join(' → ')}`,
    `calls              ${ledger.calls.length} accepted, ${ledger.limited} refused (429)`,
    `quota used         ${percent(use.working)} while a worker ran, ${percent(use.whole)} of the whole run (${seconds(use.idleMs)} without calls after the kill)`,
    `first run          ${seconds(duration(first))}`,
    `second run         ${seconds(duration(second))}: ${second.stats.unchanged} unchanged, ${second.stats.exported} sent`,
  ];
  return { lines, failed: checks.filter(([, held]) => !held).map(([what]) => what) };
}

/** The share of the allowed calls that were made between the first call and the last. */
function quotaUse(
  calls: readonly number[],
  killedAt: number,
): { working: number; whole: number; idleMs: number } {
  const span = (calls.at(-1) ?? 0) - (calls[0] ?? 0);
  const back = calls.find((time) => time > killedAt + quota.perMs) ?? killedAt;
  const lastBefore = calls.findLast((time) => time < back) ?? killedAt;
  const idleMs = back - lastBefore;
  const share = (ms: number): number => ((calls.length - 1) * quota.perMs) / quota.requests / ms;
  return { working: share(span - idleMs), whole: share(span), idleMs };
}

function duration({ startedAt, finishedAt }: RunView): number {
  return Date.parse(finishedAt ?? startedAt) - Date.parse(startedAt);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}
