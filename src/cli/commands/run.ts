import type { Command } from 'commander';
import type { RunOptions } from '../../model/run.ts';
import { hintFor } from '../../project/hint.ts';
import type { RunView } from '../../api/run-view.ts';
import type { RecordErrorView } from '../../api/record-error-view.ts';
import { ApiError } from '../api-error.ts';
import type { Client } from '../client.ts';
import { connectOrEmbed, connectToServer, type Connected } from '../connect.ts';
import { exitCodes, UsageError, wholeNumber } from '../exit.ts';
import { followRun } from '../follow.ts';
import { globalOptions, type GlobalOptions } from '../options.ts';
import { printJson, printLine } from '../output.ts';
import { printPreview } from '../preview.ts';
import { createProgress } from '../progress.ts';
import { readProject } from '../project-file.ts';
import { summaryOf } from '../summary.ts';

interface Flags {
  readonly full?: boolean;
  readonly dryRun?: boolean;
  readonly limit?: number;
  readonly continue?: string;
}

const shownErrors = 5;

/** `sluice run SYNC`: runs a sync, waits for its end, and says what it did. */
export function addRun(program: Command): void {
  program
    .command('run')
    .argument('<sync>', 'the sync to run')
    .description(
      'run a sync and wait for its end; uses the server at SLUICE_URL, else an embedded one',
    )
    .option('--full', 'read everything, whatever the watermark')
    .option('--dry-run', 'write nothing; say what would be done')
    .option('--limit <records>', 'stop after this many records', wholeNumber(1))
    .option('--continue <run>', 'start where this failed or cancelled run stopped')
    .action(async (sync: string, flags: Flags, command: Command) => {
      const globals = globalOptions(command);
      const connected = await connect(sync, globals);
      const stop = stopOnSignal(connected);
      try {
        const end = runToEnd(connected, sync, flags, globals.json);
        const run = await Promise.race([end, ...(connected.givenUp ? [connected.givenUp] : [])]);
        process.exitCode = run.status === 'completed' ? exitCodes.completed : exitCodes.failed;
      } finally {
        await stop();
      }
    });
}

/** Without a server the project must hold the sync: that is known before anything starts. */
async function connect(sync: string, globals: GlobalOptions): Promise<Connected> {
  const server = await connectToServer();
  if (server) return server;
  const project = await readProject(globals);
  if (!Object.hasOwn(project.syncs, sync)) {
    const hint = hintFor(sync, Object.keys(project.syncs));
    throw new UsageError(
      `${globals.config} has no sync ${sync}${hint === undefined ? '' : `; ${hint}`}`,
    );
  }
  return connectOrEmbed(globals, project);
}

async function runToEnd(
  { client, url }: Connected,
  sync: string,
  flags: Flags,
  json: boolean,
): Promise<RunView> {
  const options: RunOptions = {
    ...(flags.full ? { full: true } : {}),
    ...(flags.dryRun ? { dryRun: true } : {}),
    ...(flags.limit === undefined ? {} : { limit: flags.limit }),
    ...(flags.continue === undefined ? {} : { continueOf: flags.continue }),
  };
  const { run: first, started } = await startOrJoin(client, sync, options);
  if (!started) {
    process.stderr.write(
      `a run of ${sync} is open already: following ${first.id}, without this command's options\n`,
    );
  }
  const progress = createProgress(json, url);
  let run: RunView;
  try {
    run = await followRun(client, first, (state) => progress.show(state));
  } finally {
    progress.stop();
  }
  // Previews hold values of records: only who asks for the run itself gets them.
  if (run.dryRun) run = await client.runs.get(run.id);
  if (json) printJson(run);
  else {
    for (const line of summaryOf(run, await firstErrors(client, run))) printLine(line);
    if (run.preview) printPreview(run.preview);
  }
  return run;
}

/** Starts a run; where one is open already, that one. */
async function startOrJoin(
  client: Client,
  sync: string,
  options: RunOptions,
): Promise<{ run: RunView; started: boolean }> {
  try {
    return { run: await client.runs.start(sync, options), started: true };
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'run_open' || error.run === undefined)
      throw error;
    return { run: await client.runs.get(error.run), started: false };
  }
}

async function firstErrors(client: Client, run: RunView): Promise<readonly RecordErrorView[]> {
  if (run.stats.errors === 0) return [];
  const { errors } = await client.runs.errors(run.id, { limit: shownErrors });
  return errors.slice(0, shownErrors);
}

/** Stops what was started, once: at the end, or at the first signal; a second signal exits at once. */
function stopOnSignal(connected: Connected): () => Promise<void> {
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= connected.stop());
  const onSignal = (signal: NodeJS.Signals): void => {
    const code = signal === 'SIGINT' ? 130 : 143;
    if (stopping) process.exit(code);
    void stop().finally(() => process.exit(code));
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return async () => {
    await stop();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  };
}
