import { open, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isJsonObject, type JsonObject } from '../../model/json.ts';
import type { Operation } from '../../model/outcome.ts';
import type { KeyValues } from '../../model/record.ts';
import { codeOf } from './failures.ts';
import { lines } from './lines.ts';
import { stringifyJson } from '../json.ts';
import { parseObject } from './object.ts';
import { start } from './position.ts';

/** One accepted operation. */
export interface Entry {
  readonly operation: Operation;
  readonly key: KeyValues;
  readonly values: JsonObject;
}

/** What a run has written so far: JSON Lines beside the target, until `finish` merges them into it. */
export class Journal {
  readonly path: string;

  /** @param target path of the file that the entries are for */
  constructor(target: string, sync: string) {
    this.path = join(dirname(target), `.${basename(target)}.${sync}.sluice-journal`);
  }

  /** Appends entries; they are on disk when this returns. */
  async append(entries: readonly Entry[]): Promise<void> {
    const texts = entries.map(({ operation, key, values }) =>
      stringifyJson({ operation, key: [...key], values }),
    );
    const file = await open(this.path, 'a');
    try {
      // The first line break ends a line that a crash tore, so that it spoils nothing after it.
      await file.writeFile(`\n${texts.join('\n')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** All entries, oldest first. A torn line was never acknowledged and is left out. */
  async *entries(): AsyncIterable<Entry> {
    try {
      for await (const { text } of lines(this.path, start)) {
        const entry = parseEntry(text.toString('utf8'));
        if (entry !== undefined) yield entry;
      }
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }

  /** Deletes the journal, if there is one. */
  async delete(): Promise<void> {
    await rm(this.path, { force: true });
  }
}

function parseEntry(line: string): Entry | undefined {
  const { operation, key, values } = parseObject(line) ?? {};
  if (operation !== 'create' && operation !== 'update' && operation !== 'remove') return undefined;
  return Array.isArray(key) && isJsonObject(values) ? { operation, key, values } : undefined;
}
