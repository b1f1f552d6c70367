import type { Command } from 'commander';
import { wholeNumber } from '../exit.ts';
import { globalOptions } from '../options.ts';
import { printJson, printLine } from '../output.ts';
import { readProjectIfAny } from '../project-file.ts';
import { untilStopped } from '../until-stopped.ts';

/** `sluice server`: the API alone. */
export function addServer(program: Command): void {
  program
    .command('server')
    .description('run the API alone')
    .option('--port <number>', 'port to listen on', wholeNumber(0), 4400)
    .option(
      '--host <address>',
      'address to listen on; any but 127.0.0.1 needs SLUICE_API_TOKEN',
      '127.0.0.1',
    )
    .action(async ({ port, host }: { port: number; host: string }, command: Command) => {
      const globals = globalOptions(command);
      // A server loads code from where its operator says, as its workers do, not from beside a file that it is given.
      const { readSettings } = await import('../../runtime/settings.ts');
      const { connectorRoot } = readSettings(process.env);
      const { Connectors } = await import('../../connectors/registry.ts');
      const project = await readProjectIfAny(globals, new Connectors(connectorRoot));
      const { startServer } = await import('../../runtime/index.ts');
      const server = await startServer({ ...project, port, host, dataDir: globals.dataDir });
      if (globals.json) printJson({ url: server.url });
      else printLine(`Sluice listens on ${server.url}`);
      await untilStopped(() => server.stop());
    });
}
