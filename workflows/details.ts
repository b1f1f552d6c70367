import type { RunState } from '../src/model/workflow.ts';

/** The run as Markdown, for the Temporal UI. */
export function details({ run, status, phase, stats }: RunState): string {
  const { skipped } = stats;
  const counts = [
    ['imported', stats.imported],
    ['created', stats.created],
    ['updated', stats.updated],
    ['unchanged', stats.unchanged],
    ['skipped', skipped.mode + skipped.filter + skipped.duplicate],
    ['removed', stats.removed],
    ['errors', stats.errors],
  ] as const;
  const rows = counts.map(([name, count]) => `| ${name} | ${count} |`).join('\n');
  return `Run \`${run}\`: **${status}**, phase ${phase}\n\n| stat | records |\n| --- | --- |\n${rows}`;
}
