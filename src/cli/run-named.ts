import type { RecordErrorView } from '../api/views/record-error-view.ts';
import type { RunView } from '../api/views/run-view.ts';
import type { RunOptions } from '../model/run.ts';
import { ApiError } from './api-error.ts';
import type { Client } from './client.ts';
import type { ServerConnection } from './connect.ts';
import { UsageError } from './exit.ts';
import { followRun } from './follow.ts';
import { printJson, printLine } from './output.ts';
import { printPreview } from './preview.ts';
import { createProgress } from './progress.ts';
import { summaryOf } from './summary.ts';

/** Options of `sluice run`. */
export interface RunFlags {
  readonly full?: boolean;
  readonly dryRun?: boolean;
  readonly limit?: number;
  readonly continue?: string;
  readonly once?: boolean;
}

const shownErrors = 5;

/**
 * Runs a sync or an entity to its end and prints what was done.
 * @returns true when all went well, record errors aside
 * @throws UsageError when there is no such sync or entity, or the flags do not fit it
 */
export async function runNamed(
  connected: ServerConnection,
  name: string,
  flags: RunFlags,
  json: boolean,
): Promise<boolean> {
  const { client } = connected;
  const first = await unlessUnknown(() =>
    startOrJoin(client, name, () => client.runs.start(name, optionsOf(flags))),
  );
  if (first !== null) {
    const run = await showToEnd(connected, first, json);
    return run.status === 'completed';
  }
  if ((await unlessUnknown(() => client.entities.get(name))) === null)
    throw new UsageError(`there is no sync or entity "${name}"`);
  return runEntity(connected, name, flags, json);
}

function optionsOf(flags: RunFlags): RunOptions {
  return {
    ...(flags.full ? { full: true } : {}),
    ...(flags.dryRun ? { dryRun: true } : {}),
    ...(flags.limit === undefined ? {} : { limit: flags.limit }),
    ...(flags.continue === undefined ? {} : { continueOf: flags.continue }),
  };
}

/** Runs one cycle after another until no source holds more; with `once` only one. */
async function runEntity(
  connected: ServerConnection,
  entity: string,
  flags: RunFlags,
  json: boolean,
): Promise<boolean> {
  refuseForEntity(entity, flags);
  const { client } = connected;
  let full = flags.full ?? false;
  for (;;) {
    const options = full ? { full } : {};
    const first = await startOrJoin(client, entity, () => client.entities.start(entity, options));
    const run = await showToEnd(connected, first, json);
    if (run.status !== 'completed') return false;
    if (flags.once || run.more !== true) return destinationsDone(run);
    full = false;
  }
}

/**
 * True when no destination failed. A cycle completes even when one fails, since that one catches up later, but the
 * caller must know.
 */
function destinationsDone({ children = [] }: RunView): boolean {
  return !children.some(({ status }) => status === 'failed' || status === 'cancelled');
}

function refuseForEntity(entity: string, { dryRun, limit, continue: run }: RunFlags): void {
  if (dryRun)
    throw new UsageError(
      `${entity} is an entity: it has no dry run; with merge.report: true it reports duplicates without merging them`,
    );
  if (limit !== undefined)
    throw new UsageError(
      `${entity} is an entity: how much a cycle reads is set by batch of its sources, and --once runs one cycle`,
    );
  if (run !== undefined)
    throw new UsageError(
      `${entity} is an entity: a cycle that ended early is done again by sluice run ${entity}`,
    );
}

/** Starts a run; if one is open already, returns that one. */
async function startOrJoin(
  client: Client,
  name: string,
  start: () => Promise<RunView>,
): Promise<RunView> {
  try {
    return await start();
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'run_open' || error.run === undefined)
      throw error;
    process.stderr.write(
      `a run of ${name} is open already: following ${error.run}, without this command's options\n`,
    );
    return client.runs.get(error.run);
  }
}

/** Follows a run to its end and prints what it did. */
async function showToEnd(
  { client, url }: ServerConnection,
  first: RunView,
  json: boolean,
): Promise<RunView> {
  const progress = createProgress(json, url);
  let run: RunView;
  try {
    run = await followRun(client, first, (state) => progress.show(state));
  } finally {
    progress.stop();
  }
  // A preview holds values of records, so only a request for the run itself returns it.
  if (run.dryRun) run = await client.runs.get(run.id);
  if (json) printJson(run);
  else {
    for (const line of summaryOf(run, await firstErrors(client, run))) printLine(line);
    if (run.preview) printPreview(run.preview);
  }
  return run;
}

async function firstErrors(client: Client, run: RunView): Promise<readonly RecordErrorView[]> {
  if (run.stats.errors === 0) return [];
  const { errors } = await client.runs.errors(run.id, { limit: shownErrors });
  return errors.slice(0, shownErrors);
}

/** Returns the result of `ask`; null for a 404. */
async function unlessUnknown<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}
