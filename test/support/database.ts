import { randomBytes } from 'node:crypto';
import { Client, type types } from 'pg';

/** A database of one test file. */
export interface Database {
  readonly url: string;
  /** Runs SQL; returns the rows of the last statement, each value as Postgres prints it. */
  query(sql: string): Promise<Record<string, string | null>[]>;
  /** Returns one column of one row. */
  value(sql: string): Promise<string | null>;
  /** Returns every row of a table as one text each, sorted. */
  rows(table: string): Promise<(string | null)[]>;
  drop(): Promise<void>;
}

const asPrinted = { getTypeParser: () => (text: string) => text } as unknown as typeof types;

/**
 * Creates an empty database.
 * @param admin URL of the server's owner. Default: that of the test Postgres
 * @param encoding such as `LATIN1`. Default: the server's own
 */
export async function createDatabase(
  name = 'test',
  admin = process.env['SLUICE_TEST_PG'],
  encoding?: string,
): Promise<Database> {
  if (admin === undefined) throw new Error('SLUICE_TEST_PG is unset: run by vitest');
  const database = `${name}_${randomBytes(4).toString('hex')}`;
  const own = `ENCODING '${encoding}' TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'`;
  await run(admin, `CREATE DATABASE ${database} ${encoding === undefined ? '' : own}`);
  const url = new URL(admin);
  url.pathname = `/${database}`;
  const query = (sql: string) => run(url.href, sql);
  return {
    url: url.href,
    query,
    value: async (sql) => Object.values((await query(sql))[0] ?? {})[0] ?? null,
    rows: async (table) =>
      (await query(`SELECT t::text AS row FROM ${table} t ORDER BY 1`)).map(
        (row) => row['row'] ?? null,
      ),
    drop: async () => void (await run(admin, `DROP DATABASE ${database} WITH (FORCE)`)),
  };
}

async function run(url: string, sql: string): Promise<Record<string, string | null>[]> {
  // The role is called sluice, like the schema of Sluice's own tables; the test's tables must not go there.
  const options = '-c search_path=public';
  const client = new Client({ connectionString: url, types: asPrinted, options });
  await client.connect();
  try {
    const answer: unknown = await client.query(sql);
    const last: unknown = Array.isArray(answer) ? answer.at(-1) : answer;
    return (last as { rows: Record<string, string | null>[] }).rows;
  } finally {
    await client.end();
  }
}
