import type { Command } from 'commander';
import { destinationOfSync, destinationSyncs } from '../../model/entity-syncs.ts';
import { hintFor } from '../../project/hint.ts';
import type { Project } from '../../project/project.ts';
import { connectOrEmbed, connectToServer, type ServerConnection } from '../connect.ts';
import { exitCodes, UsageError, wholeNumber } from '../exit.ts';
import { globalOptions, type GlobalOptions } from '../options.ts';
import { readProject } from '../project-file.ts';
import { runNamed, type RunFlags } from '../run-named.ts';

/** `sluice run NAME`: runs a sync or an entity, waits for its end, and says what it did. */
export function addRun(program: Command): void {
  program
    .command('run')
    .argument('<name>', 'the sync or entity to run, or entity.destination')
    .description(
      'run a sync or an entity and wait for its end; uses the server at SLUICE_URL, else an embedded one',
    )
    .option('--full', 'read everything, whatever the watermark')
    .option('--dry-run', 'a sync: write nothing; say what would be done')
    .option('--limit <records>', 'a sync: stop after this many records', wholeNumber(1))
    .option('--continue <run>', 'a sync: start where this failed or cancelled run stopped')
    .option('--once', 'an entity: one cycle, even where its sources hold more')
    .addHelpText(
      'after',
      '\nExits 1 where the run failed, and of an entity also where the run of a destination failed.',
    )
    .action(async (name: string, flags: RunFlags, command: Command) => {
      const globals = globalOptions(command);
      const connected = await connect(name, globals);
      const stop = stopOnSignal(connected);
      try {
        const end = runNamed(connected, name, flags, globals.json);
        const done = await Promise.race([end, ...(connected.givenUp ? [connected.givenUp] : [])]);
        process.exitCode = done ? exitCodes.completed : exitCodes.failed;
      } finally {
        await stop();
      }
    });
}

/**
 * Connects to the server, else starts an embedded one. Without a server the project must hold the named sync or entity,
 * which is checked before anything starts.
 */
async function connect(name: string, globals: GlobalOptions): Promise<ServerConnection> {
  const server = await connectToServer();
  if (server) return server;
  const project = await readProject(globals);
  const names = runnable(project);
  if (!names.includes(name)) {
    const hint = hintFor(name, names);
    throw new UsageError(
      `${globals.config} has no ${what(name)} ${name}${hint === undefined ? '' : `; ${hint}`}`,
    );
  }
  return connectOrEmbed(globals, project);
}

function what(name: string): string {
  return destinationOfSync(name) === null ? 'sync or entity' : 'destination';
}

/** Returns the names that a project can run: syncs, entities, and single destinations of entities. */
function runnable({ syncs, entities }: Project): string[] {
  const destinations = Object.entries(entities).flatMap(([id, entity]) =>
    Object.keys(destinationSyncs(id, entity)),
  );
  return [...Object.keys(syncs), ...Object.keys(entities), ...destinations];
}

/**
 * Returns a function that stops what was started, once. The first signal does the same; a second one exits at once.
 */
function stopOnSignal(connected: ServerConnection): () => Promise<void> {
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
