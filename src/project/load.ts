import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { Connectors } from '../connectors/registry.ts';
import { idSchema, type SyncSpec } from '../model/sync.ts';
import type { EntitySpec } from '../model/entity.ts';
import { checkConnection, type KnownConnectors } from './connections.ts';
import { checkEntity } from './entities/check-entity.ts';
import { isRecord } from './is-record.ts';
import { checkShape } from './issues.ts';
import { ProjectError } from './problem.ts';
import type { Project, ProjectConnection } from './project.ts';
import { SourceFile } from './source-file.ts';
import { checkSync } from './syncs.ts';

/** The variables that `${NAME}` references stand for. */
export type Environment = Readonly<Record<string, string | undefined>>;

const fileSchema = z.strictObject({
  version: z.literal(1),
  connections: z.record(idSchema, z.unknown()).optional(),
  syncs: z.record(idSchema, z.unknown()).optional(),
  entities: z.record(idSchema, z.unknown()).optional(),
});

/**
 * Reads and checks a project file, and loads the connectors from outside that it names.
 *
 * @param connectors default: those of Sluice, and any below the file's folder
 * @throws ProjectError with everything that is wrong with the file, also when it cannot be read
 */
export async function loadProject(
  file: string,
  env: Environment,
  connectors = new Connectors(dirname(resolve(file))),
): Promise<Project> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new ProjectError(file, [unreadable(error)]);
  }
  const source = new SourceFile(text, env);
  const refused = await connectors.load(typesOf(source));
  return projectOf(source, file, { connectors, refused });
}

/**
 * Checks the text of a project file whose connectors are those of Sluice.
 *
 * @param file the name to use in messages
 * @throws ProjectError with everything that is wrong
 */
export function parseProject(text: string, file: string, env: Environment): Project {
  const connectors = new Connectors();
  return projectOf(new SourceFile(text, env), file, { connectors, refused: new Map() });
}

function projectOf(source: SourceFile, file: string, known: KnownConnectors): Project {
  const project = source.parsed ? checkProject(source, known) : undefined;
  if (!project || source.problems.length > 0) {
    const inOrder = source.problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
    throw new ProjectError(file, inOrder);
  }
  return project;
}

/** The types that the connections of a file are of. */
function typesOf(source: SourceFile): string[] {
  const root = source.parsed ? source.value() : undefined;
  const connections = isRecord(root) ? entriesOf(root['connections']) : [];
  const types = connections.map(([, value]) => (isRecord(value) ? value['type'] : undefined));
  return types.filter((type) => typeof type === 'string');
}

function checkProject(source: SourceFile, known: KnownConnectors): Project {
  const value = source.value() ?? {};
  checkShape(source, [], value, fileSchema);
  const root = isRecord(value) ? value : {};
  const connections = new Map<string, ProjectConnection | null>();
  for (const [id, raw] of entriesOf(root['connections'])) {
    connections.set(id, checkConnection(source, id, raw, known) ?? null);
  }
  const syncs: Record<string, SyncSpec> = {};
  for (const [id, raw] of entriesOf(root['syncs'])) {
    const sync = checkSync(source, id, raw, connections);
    if (sync) syncs[id] = sync;
  }
  const entities: Record<string, EntitySpec> = {};
  for (const [id, raw] of entriesOf(root['entities'])) {
    const entity = checkEntity(source, ['entities', id], raw, connections);
    if (entity) entities[id] = entity;
    if (Object.hasOwn(syncs, id))
      source.report(['entities', id], 'a sync has this name', 'give one of the two another name');
  }
  return { connectors: known.connectors, connections: usable(connections), syncs, entities };
}

function usable(
  connections: ReadonlyMap<string, ProjectConnection | null>,
): Record<string, ProjectConnection> {
  const all: Record<string, ProjectConnection> = {};
  for (const [id, connection] of connections) if (connection) all[id] = connection;
  return all;
}

function entriesOf(value: unknown): [string, unknown][] {
  return isRecord(value) ? Object.entries(value) : [];
}

function unreadable(error: unknown): {
  path: string;
  line: number;
  column: number;
  message: string;
  hint: string;
} {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`;
  const hint = 'name the project file with --config FILE';
  return { path: '', line: 1, column: 1, message, hint };
}
