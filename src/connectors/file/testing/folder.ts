import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json, JsonObject } from '../../../model/json.ts';
import type { Value } from '../../../model/record.ts';
import type { SourceRequest } from '../../contract/source.ts';
import type { Target } from '../../contract/target.ts';
import type { WriteOperation } from '../../contract/records.ts';
import type { Page } from '../../contract/page.ts';
import {
  connectDirectly,
  type DirectConnection,
  type DirectRecords,
  type DirectSource,
} from '../../testing/direct.ts';
import { file } from '../file.ts';

/** A folder of its own for a test, and a connection to it. */
export class Folder {
  readonly path: string;
  readonly connection: DirectConnection;

  private constructor(path: string) {
    this.path = path;
    this.connection = connectDirectly(file, { path }, { connection: 'files' });
  }

  static async make(): Promise<Folder> {
    return new Folder(await mkdtemp(join(tmpdir(), 'sluice-file-')));
  }

  remove(): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }

  file(name: string): string {
    return join(this.path, name);
  }

  write(name: string, content: string | Buffer): Promise<void> {
    return writeFile(this.file(name), content);
  }

  bytes(name: string): Promise<Buffer> {
    return readFile(this.file(name));
  }

  text(name: string): Promise<string> {
    return readFile(this.file(name), 'utf8');
  }

  async source(
    stream: string,
    options: JsonObject = {},
    more: Partial<SourceRequest> = {},
  ): Promise<DirectSource> {
    const source = await this.connection.source?.({ stream, key: ['id'], options, ...more });
    if (source === undefined) throw new Error('no source');
    return source;
  }

  /** Opens a target with key `id` and fields `n` and `v`, of the run `run`. */
  async target(
    stream: string,
    options: JsonObject = {},
    more: Partial<Target> = {},
  ): Promise<DirectRecords> {
    const destination = await this.connection.destination?.({
      sync: 's',
      run: 'run',
      stream,
      key: ['id'],
      fields: ['n', 'v'],
      permissions: { create: true, update: true, remove: true },
      match: { caseInsensitive: false, trim: false },
      tracked: false,
      options,
      ...more,
    });
    if (destination?.kind !== 'records') throw new Error('no destination');
    return destination;
  }

  /** Writes operations as one chunk, and finishes the run. */
  async change(
    stream: string,
    operations: readonly WriteOperation[],
    options: JsonObject = {},
    more: Partial<Target> = {},
  ): Promise<void> {
    const destination = await this.target(stream, options, more);
    if (operations.length > 0) await destination.write(operations);
    await destination.finish?.('run', operations.length);
    await destination.forget?.('run');
  }
}

/** Returns a write of the record with this key. */
export function operation(
  kind: WriteOperation['operation'],
  key: Json,
  values: JsonObject,
): WriteOperation {
  return {
    operation: kind,
    key: [key],
    id: null,
    values,
    idempotencyKey: `${kind}-${JSON.stringify(key)}`,
  };
}

/** Reads all rows of a page. */
export async function collect(page: Page): Promise<(readonly Value[])[]> {
  const rows: (readonly Value[])[] = [];
  for await (const batch of page.batches()) rows.push(...batch.rows);
  page.end();
  return rows;
}

/** Reads all rows of a source, in pages of `size` records. */
export async function readPages(
  source: DirectSource,
  fields: readonly string[],
  size = 1000,
  range: { since: string | null; until: string | null } = { since: null, until: null },
): Promise<(readonly Value[])[]> {
  const rows: (readonly Value[])[] = [];
  let cursor: string | null = null;
  do {
    const page: Page = await source.read({
      cursor,
      fields,
      limit: { records: size, bytes: 1e6 },
      ...range,
    });
    rows.push(...(await collect(page)));
    cursor = page.end().cursor;
  } while (cursor !== null);
  return rows;
}
