import type { RecordErrorView } from '../api/views/record-error-view.ts';
import type { RunView } from '../api/views/run-view.ts';

/** Returns lines of text about what a finished run did. */
export function summaryOf(run: RunView, errors: readonly RecordErrorView[]): string[] {
  const what = run.stages === undefined ? syncLines(run) : cycleLines(run);
  const lines = [
    ...(run.dryRun ? ['dry run: nothing was written; this is what would be'] : []),
    ...what,
    ...errors.map((error) => `  ${recordErrorLine(error)}`),
  ];
  if (run.stats.errors > errors.length) lines.push(`  all of them: sluice errors ${run.id}`);
  for (const { message } of run.warnings) lines.push(`  note: ${message}`);
  if (run.failure) lines.push(...failureLines(run.failure));
  if ((run.status === 'failed' || run.status === 'cancelled') && !run.dryRun)
    lines.push(`  go on where it stopped with: ${againWith(run)}`);
  return lines;
}

function syncLines(run: RunView): string[] {
  return [`${run.sync} ${endOf(run)} (run ${run.id}, mode ${run.mode})`, countsLine(run)];
}

/** Returns lines about the stages that did something, then about each destination. */
function cycleLines(run: RunView): string[] {
  const { entity, stages = [], missing = [], children = [] } = run;
  return [
    `${entity} ${endOf(run)} (cycle ${run.id})`,
    ...stages
      .filter(({ name, counts }) => name !== 'deliver' && stageCounts(counts) !== '')
      .map(({ name, counts }) => `  ${name}: ${stageCounts(counts)}`),
    ...children.flatMap((child) => [
      `  ${child.destination} ${endOf(child)} (run ${child.id}, mode ${child.mode})`,
      `    ${countsLine(child)}`,
      ...(child.stats.errors > 0 ? [`    its record errors: sluice errors ${child.id}`] : []),
      ...(child.failure ? failureLines(child.failure).map((line) => `    ${line}`) : []),
    ]),
    ...missing.map(
      ({ source, since, connection, code, message }) =>
        `  without ${source}, missing since ${since}: connection ${connection}: ${code}: ${message}`,
    ),
  ];
}

/** Returns the counts of a stage as text, such as `byId 3, new 7`. */
export function stageCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

function endOf({ status, outcome }: Pick<RunView, 'status' | 'outcome'>): string {
  return outcome ? `${status}, ${outcome.replace('_', ' ')}` : status;
}

function countsLine({ stats }: Pick<RunView, 'stats'>): string {
  return (
    `imported ${stats.imported}: created ${stats.created}, updated ${stats.updated}, unchanged ${stats.unchanged}, ` +
    `skipped ${stats.skipped}, errors ${stats.errors}; removed ${stats.removed}`
  );
}

/**
 * Returns the command to go on with. A cycle that ended early is simply repeated: the positions of its sources have not
 * moved.
 */
function againWith({ id, sync, entity }: RunView): string {
  return sync === null ? `sluice run ${entity}` : `sluice run ${sync} --continue ${id}`;
}

/** Returns one record error as one line. */
export function recordErrorLine(error: RecordErrorView): string {
  const field = error.field ? ` (${error.field})` : '';
  return `${keyText(error.key)} ${error.operation}: ${error.code}${field} ${error.message}`;
}

/** Returns a key as text: its only value, or its values as JSON. */
export function keyText(key: unknown): string {
  if (key === null || key === undefined) return '(no key)';
  return typeof key === 'string' ? key : JSON.stringify(key);
}

function failureLines({ code, message, connection }: NonNullable<RunView['failure']>): string[] {
  const where = connection === undefined ? '' : ` in connection ${connection}`;
  const lines = [`failed${where}: ${code}: ${message}`];
  if (connection !== undefined) lines.push(`  try it with: sluice check ${connection}`);
  return lines;
}
