import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Connector } from '../../../src/connectors/contract/connector.ts';
import type { Source } from '../../../src/connectors/contract/source.ts';
import { TransientError } from '../../../src/model/failure.ts';
import type { Field } from '../../../src/model/field.ts';
import { allModes } from '../../../src/model/mode.ts';
import type { Value } from '../../../src/model/record.ts';

/** A row of a source as it changes; a field that is absent is missing. */
export interface ServedRow {
  readonly id: string;
  readonly email?: string | null | undefined;
  readonly name?: string | null | undefined;
  readonly phone?: string | null | undefined;
  readonly at: number;
  readonly gone: boolean;
}

const types: Readonly<Record<keyof ServedRow, Field['type']>> = {
  id: 'text',
  email: 'text',
  name: 'text',
  phone: 'text',
  at: 'integer',
  gone: 'boolean',
};

/** A system that serves rows in pages, so that chunks of a cycle are as small as a test wants them. */
export class RowServer {
  /** The rows of each stream. */
  rows: Readonly<Record<string, readonly ServedRow[]>> = {};
  page = 3;
  /** True lets an attempt read one page; after its commit the attempt fails, and the next one goes on. */
  pageAnAttempt = false;
  /** The number of pages that the attempt has read. */
  read = 0;
  /** The number of pages that it has committed. */
  committed = 0;

  readonly connector: Connector = {
    type: 'served',
    title: 'rows of a test',
    settings: z.unknown(),
    secrets: [],
    source: { open: (_link, { stream }) => Promise.resolve(this.#source(stream)) },
    destination: {
      modes: () => allModes,
      open: () => Promise.reject(new Error('nothing is written here')),
    },
    connect: () => ({
      check: () => Promise.resolve(),
      discover: () => Promise.resolve([]),
      close: () => Promise.resolve(),
    }),
  };

  #source(stream: string): Source {
    return {
      encoding: 'json',
      fields: Object.entries(types).map(([name, type]) => ({ name, type })),
      uniqueBy: [],
      read: async ({ cursor, fields: wanted, limit }) => {
        if (this.pageAnAttempt && this.read > 0) {
          while (this.committed < this.read) await sleep(1);
          throw new TransientError('page_read', 'an attempt reads one page');
        }
        this.read += 1;
        const all = this.rows[stream] ?? [];
        const from = Number(cursor ?? 0);
        const rows = all.slice(from, from + Math.min(this.page, limit.records));
        const to = from + rows.length;
        const batch = {
          encoding: 'json' as const,
          fields: wanted.map((name): Field => ({ name, type: types[name as keyof ServedRow] })),
          rows: rows.map((row) => wanted.map((name): Value => row[name as keyof ServedRow])),
        };
        return {
          batches: async function* () {
            yield await Promise.resolve(batch);
          },
          end: () => ({
            cursor: to >= all.length ? null : String(to),
            records: rows.length,
            bytes: 0,
            highest: null,
          }),
        };
      },
    };
  }
}
