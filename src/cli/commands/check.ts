import type { Command } from 'commander';
import { noMemory } from '../../connectors/contract/memory.ts';
import { hintFor } from '../../project/hint.ts';
import type { ProjectConnection } from '../../project/project.ts';
import { exitCodes, UsageError } from '../exit.ts';
import { globalOptions } from '../options.ts';
import { printJson, printTable } from '../output.ts';
import { readProject } from '../project-file.ts';

interface CheckResult {
  readonly connection: string;
  readonly ok: boolean;
  readonly code?: string;
  readonly message?: string;
}

/** `sluice check [connection]`: connects from this machine, and says which connections work. */
export function addCheck(program: Command): void {
  program
    .command('check')
    .argument('[connection]', 'the connection to try; default: all')
    .description("try the project's connections from this machine")
    .action(async (connection: string | undefined, _options: unknown, command: Command) => {
      const globals = globalOptions(command);
      const project = await readProject(globals);
      const ids = Object.keys(project.connections);
      if (connection !== undefined && !ids.includes(connection)) {
        const hint = hintFor(connection, ids);
        throw new UsageError(`no connection ${connection}${hint === undefined ? '' : `; ${hint}`}`);
      }
      const wanted = Object.entries(project.connections).filter(
        ([id]) => connection === undefined || connection === id,
      );
      const results = await Promise.all(wanted.map(([id, declared]) => checkOne(id, declared)));
      if (globals.json) printJson({ connections: results });
      else {
        const rows = results.map(({ connection: id, ok, message }) => [
          id,
          ok ? 'ok' : 'failed',
          message ?? '',
        ]);
        printTable(['CONNECTION', 'STATUS', 'REASON'], rows);
      }
      if (results.some(({ ok }) => !ok)) process.exitCode = exitCodes.failed;
    });
}

async function checkOne(
  id: string,
  { connector, settings }: ProjectConnection,
): Promise<CheckResult> {
  const { localCalls } = await import('../../../activities/ends/local-calls.ts');
  const { signal } = new AbortController();
  try {
    const connection = connector.connect(settings, { connection: id, memory: noMemory });
    try {
      await connection.check(localCalls(connector, settings, id)({ signal }));
    } finally {
      await connection.close();
    }
    return { connection: id, ok: true };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'failed';
    return { connection: id, ok: false, code, message };
  }
}
