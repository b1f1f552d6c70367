import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Connectors } from '../connectors/registry.ts';
import { loadProject } from './load.ts';
import { ProjectError } from './problem.ts';

const connector = `import { defineConnector, z } from 'sluice';
export default defineConnector({
  type: 'notes',
  title: 'Notes',
  settings: z.strictObject({ token: z.string(), pageSize: z.number().default(10) }),
  secrets: ['token'],
  source: {
    options: z.strictObject({ archived: z.boolean().optional() }),
    wholeReads: () => 'notes may be hidden',
    open: () => Promise.reject(new Error('not opened here')),
  },
  connect: () => ({ check: async () => {}, discover: async () => [], close: async () => {} }),
});
`;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-project-'));
  await mkdir(join(folder, 'connectors'));
  await writeFile(join(folder, 'connectors/notes.ts'), connector);
  await writeFile(join(folder, 'connectors/empty.ts'), 'export const nothing = 0;\n');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A project with one connection, and a sync from it. */
function project(connection: string, sync = ''): string {
  return `version: 1
connections:
  notes:
    ${connection}
  crm: { type: postgres, url: postgres://crm@db/crm }
syncs:
  notes:
    source: { connection: notes, stream: notes, key: id${sync} }
    destination: { connection: crm, stream: public.notes, key: id }
    mode: upsert
`;
}

async function problems(text: string, connectors?: Connectors): Promise<string[]> {
  const file = join(folder, 'sluice.yaml');
  await writeFile(file, text);
  const error = await loadProject(file, { TOKEN: 'secret' }, connectors).catch(
    (failure: unknown) => failure,
  );
  if (!(error instanceof ProjectError)) return [];
  return error.message.replaceAll(folder, '<folder>').split(/\n(?=<folder>)/);
}

it('reads a connection of a connector beside the file, with its defaults', async () => {
  const file = join(folder, 'sluice.yaml');
  await writeFile(file, project('{ type: ./connectors/notes.ts, token: "${TOKEN}" }'));
  const { connections, connectors } = await loadProject(file, { TOKEN: 'secret' });
  expect(connections['notes']).toMatchObject({
    type: './connectors/notes.ts',
    connector: { type: 'notes' },
    settings: { token: 'secret', pageSize: 10 },
  });
  expect(connectors.find('./connectors/notes.ts')).toBe(connections['notes']?.connector);
});

it('checks settings, options and roles by what the connector says', async () => {
  const type = 'type: ./connectors/notes.ts';
  expect(await problems(project(`{ ${type}, tokn: a, pageSize: b }`))).toEqual([
    '<folder>/sluice.yaml:3:3 connections.notes.token: is required: text',
    '<folder>/sluice.yaml:4:36 connections.notes.tokn: unknown key\n    did you mean token?',
    '<folder>/sluice.yaml:4:45 connections.notes.pageSize: must be a number',
  ]);
  const good = project(`{ ${type}, token: a }`, ', archived: true');
  expect(await problems(good)).toEqual([]);
  expect(await problems(good.replace('archived', 'archive'))).toEqual([
    '<folder>/sluice.yaml:8:58 syncs.notes.source.archive: unknown key\n    did you mean archived?',
  ]);
  expect((await problems(good.replace('upsert', 'mirror'))).join()).toContain('may be hidden');
  const back = good
    .replace('connection: notes', 'connection: crm')
    .replace('connection: crm, stream: public', 'connection: notes, stream: public')
    .replace(', archived: true', '');
  expect(await problems(back)).toEqual([
    '<folder>/sluice.yaml:9:20 syncs.notes.destination.connection: notes connections cannot be a destination',
  ]);
});

it('says at the place of the type why a connector cannot be used', async () => {
  const place = '<folder>/sluice.yaml:4:5 connections.notes.type:';
  expect(await problems(project('type: ./connectors/nots.ts'))).toEqual([
    `${place} ./connectors/nots.ts: there is no such file below <folder>`,
  ]);
  expect(await problems(project('type: ./connectors/empty.ts'))).toEqual([
    `${place} ./connectors/empty.ts has no default export`,
  ]);
  expect(await problems(project('type: ../notes.ts'))).toEqual([
    `${place} ../notes.ts leads out of <folder>: connectors are loaded from below it only`,
  ]);
  expect(await problems(project('type: connectors/notes.ts'))).toEqual([
    `${place} unknown connection type\n    a connector of your own is ./FILE.ts, relative to the project file, or npm:PACKAGE`,
  ]);
});

it('loads nothing where no folder is allowed', async () => {
  const found = await problems(project('type: ./connectors/notes.ts'), new Connectors());
  expect(found.join()).toContain('set SLUICE_CONNECTOR_ROOT');
  expect(found).toHaveLength(1);
});
