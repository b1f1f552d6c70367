import type { WaitedJob } from '../activities/activities.ts';
import type { RunState } from '../src/model/workflow.ts';

/**
 * The run as Markdown, for the Temporal UI.
 * @param waited the long jobs that it waits for
 */
export function details(
  { run, status, phase, stats }: RunState,
  waited: readonly WaitedJob[],
): string {
  const { skipped } = stats;
  const counts = [
    ['imported', stats.imported],
    ['created', stats.created],
    ['updated', stats.updated],
    ['unchanged', stats.unchanged],
    ['skipped', skipped.mode + skipped.filter + skipped.duplicate + skipped.edited],
    ['removed', stats.removed],
    ['errors', stats.errors],
  ] as const;
  const rows = counts.map(([name, count]) => `| ${name} | ${count} |`).join('\n');
  const jobs = waited.map(
    ({ name, connection }) => `Waits for job \`${name}\` of \`${connection}\`.\n\n`,
  );
  return `Run \`${run}\`: **${status}**, phase ${phase}\n\n${jobs.join('')}| stat | records |\n| --- | --- |\n${rows}`;
}
