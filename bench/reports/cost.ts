import { paths, type CostResults, type RunCost } from '../cost.ts';
import { writePlot } from '../support/plot.ts';
import { readResults } from '../support/results.ts';
import { short, table } from '../support/table.ts';
import type { Cost } from '../support/temporal-cost.ts';
import { footer } from './footer.ts';

/** Tables and plot of bench 3. */
export function costSections(): Record<string, string> {
  const results = readResults<CostResults>('cost');
  if (results === undefined) return {};
  const { runs, idle } = results.data;
  const sorted = runs.toSorted((a, b) => a.records - b.records);
  plot(sorted);
  const rows = sorted.map((run) => [
    run.path,
    run.records.toLocaleString('en-US'),
    ...columns(run),
    short((run.events * 1e6) / run.records),
    short((total(run) * 1e6) / run.records),
    short(run.bytes / 1024),
    String(run.executions),
    String(run.queries),
  ]);
  const growth = table(
    [
      'path',
      'records',
      'events',
      'actions',
      'of these',
      'events per million',
      'actions per million',
      'history, KiB',
      'executions',
      'queries',
    ],
    rows,
  );
  const each = idle
    ? `A scheduled run that finds nothing new: **${short(total(idle))} actions** (${kinds(idle)}), ${short(idle.events)} events and ${short(idle.bytes / 1024)} KiB of history in ${short(idle.executions)} executions. Goal: ≤ 12 actions.`
    : '';
  const image = '![Actions by records](cost.svg)';
  return { cost: [growth, each, footer(results), image].join('\n\n') };
}

function columns(cost: Cost): string[] {
  return [short(cost.events), short(total(cost)), kinds(cost)];
}

function total({ actions }: Cost): number {
  return Object.values(actions).reduce((sum, count) => sum + count, 0);
}

function kinds({ actions }: Cost): string {
  return Object.entries(actions)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${short(count)} ${kind}`)
    .join(', ');
}

function plot(runs: readonly RunCost[]): void {
  const bound = (name: string, perMillion: number) => ({
    name,
    dashed: true,
    points: [1e6, Math.max(1e7, ...runs.map(({ records }) => records))].map(
      (records) => [records, (perMillion * records) / 1e6] as const,
    ),
  });
  writePlot('cost', {
    title: 'Billable Temporal actions of one run',
    x: 'records',
    y: 'actions',
    logarithmic: { x: true, y: true },
    lines: [
      ...paths.map((path) => ({
        name: path,
        points: runs
          .filter((run) => run.path === path)
          .map((run) => [run.records, total(run)] as const),
      })),
      bound('150 per million', 150),
      bound('600 per million', 600),
    ],
  });
}
