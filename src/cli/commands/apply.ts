import type { Command } from 'commander';
import type { Project } from '../../project/project.ts';
import type { Client } from '../client.ts';
import { requireServer } from '../connect.ts';
import { globalOptions } from '../options.ts';
import { printJson, printLine } from '../output.ts';
import { readProject } from '../project-file.ts';

/** `sluice apply`: sends the project file to the server at `SLUICE_URL`. */
export function addApply(program: Command): void {
  program
    .command('apply')
    .description('send the project to the server at SLUICE_URL')
    .option('--prune', 'also delete syncs and entities that the project does not have', false)
    .action(async ({ prune }: { prune: boolean }, command: Command) => {
      const globals = globalOptions(command);
      const project = await readProject(globals);
      const connected = await requireServer();
      try {
        await send(connected.client, project);
        const pruned = prune ? await removeOthers(connected.client, project) : [];
        const applied = {
          connections: Object.keys(project.connections),
          syncs: Object.keys(project.syncs),
          entities: Object.keys(project.entities),
          pruned,
        };
        if (globals.json) printJson(applied);
        else printLine(describe(applied));
      } finally {
        await connected.stop();
      }
    });
}

async function send(client: Client, { connections, syncs, entities }: Project): Promise<void> {
  for (const [id, { type, settings }] of Object.entries(connections)) {
    await client.connections.put(id, { ...(settings as object), type });
  }
  for (const [id, sync] of Object.entries(syncs)) await client.syncs.put(id, sync);
  for (const [id, entity] of Object.entries(entities)) await client.entities.put(id, entity);
}

/** Deletes syncs and entities that the project does not have; returns their ids. */
async function removeOthers(client: Client, { syncs, entities }: Project): Promise<string[]> {
  const pruned: string[] = [];
  for (const [calls, kept] of [
    [client.syncs, syncs],
    [client.entities, entities],
  ] as const) {
    for (const { id } of await calls.list()) {
      if (Object.hasOwn(kept, id)) continue;
      await calls.remove(id);
      pruned.push(id);
    }
  }
  return pruned;
}

function describe(applied: Record<'connections' | 'syncs' | 'entities' | 'pruned', string[]>) {
  const { connections, syncs, entities, pruned } = applied;
  const gone = pruned.length === 0 ? '' : `; deleted ${pruned.join(', ')}`;
  return `applied ${connections.length} connections, ${syncs.length} syncs and ${entities.length} entities${gone}`;
}
