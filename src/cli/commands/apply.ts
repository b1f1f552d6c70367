import type { Command } from 'commander';
import { requireServer } from '../connect.ts';
import { globalOptions } from '../options.ts';
import { printJson, printLine } from '../output.ts';
import { readProject } from '../project-file.ts';

/** `sluice apply`: makes the server at `SLUICE_URL` hold what the project file says. */
export function addApply(program: Command): void {
  program
    .command('apply')
    .description('send the project to the server at SLUICE_URL')
    .option('--prune', 'also delete syncs that the project does not have', false)
    .action(async ({ prune }: { prune: boolean }, command: Command) => {
      const globals = globalOptions(command);
      const { connections, syncs } = await readProject(globals);
      const connected = await requireServer();
      const { client } = connected;
      try {
        for (const [id, { type, settings }] of Object.entries(connections)) {
          await client.connections.put(id, { ...(settings as object), type });
        }
        for (const [id, sync] of Object.entries(syncs)) await client.syncs.put(id, sync);
        const held = prune ? (await client.syncs.list()).map(({ id }) => id) : [];
        const pruned = held.filter((id) => !Object.hasOwn(syncs, id));
        for (const id of pruned) await client.syncs.remove(id);
        const applied = {
          connections: Object.keys(connections),
          syncs: Object.keys(syncs),
          pruned,
        };
        if (globals.json) printJson(applied);
        else printLine(describe(applied));
      } finally {
        await connected.stop();
      }
    });
}

function describe(applied: { connections: string[]; syncs: string[]; pruned: string[] }): string {
  const { connections, syncs, pruned } = applied;
  const gone = pruned.length === 0 ? '' : `; deleted ${pruned.join(', ')}`;
  return `applied ${connections.length} connections and ${syncs.length} syncs${gone}`;
}
