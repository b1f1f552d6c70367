import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, describe } from 'vitest';
import { postgres } from '../../src/connectors/postgres/postgres.ts';
import { suiteFields, suiteTarget, type Harness, type Standstill } from './harness.ts';
import { connectorSuite } from './suite.ts';

/** Administrator's URL of a PostgreSQL server; the suite makes and drops a database of its own there. */
const adminUrl = process.env['SLUICE_TEST_PG'];
const stream = 'public.customers';

describe.skipIf(adminUrl === undefined)('with a PostgreSQL server', () => {
  const database = `suite_${randomUUID().replaceAll('-', '')}`;
  const url = new URL(`/${database}`, adminUrl ?? 'postgres://localhost').href;

  beforeAll(() => query(adminUrl ?? '', `CREATE DATABASE ${database}`));
  afterAll(() => query(adminUrl ?? '', `DROP DATABASE ${database} WITH (FORCE)`));

  const parts = { source: true, destination: 'staging' } as const;
  connectorSuite('postgres', parts, () => harness(url));
  const records = { source: false, destination: 'records', assigned: true } as const;
  connectorSuite('postgres (records)', records, () => withIds(url));
  // Nothing guarantees that the records of a view have a key.
  const ofView = { source: true, destination: null } as const;
  connectorSuite('postgres (ordered view)', ofView, () => harness(url, 'public.everyone'));
});

/** A table that gives its records ids, written record by record. */
async function withIds(url: string): Promise<Harness> {
  await query(
    url,
    `DROP TABLE IF EXISTS contacts; CREATE TABLE contacts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
       code text UNIQUE, name text CHECK (name <> 'refused'), note text)`,
  );
  const target = suiteTarget('public.contacts', {});
  return {
    ...(await harness(url)),
    standstill: locked(url, 'contacts', [
      'look up',
      'scan',
      'create',
      'update',
      'remove',
      'create without a key',
    ]),
    async seed(records) {
      const insert = `INSERT INTO contacts (code, name, note)
        SELECT code, name, note FROM json_populate_recordset(null::contacts, $1)`;
      await query(url, insert, [JSON.stringify(records)]);
    },
    readBack: () => query(url, 'SELECT code, name, note FROM contacts'),
    target: (options) => ({ ...suiteTarget('public.contacts', options), kind: 'records' }),
    assigned: () => ({ ...target, key: ['id'], id: 'id', fields: [...suiteFields] }),
  };
}

async function harness(url: string, ordered = stream): Promise<Harness> {
  await query(
    url,
    `DROP TABLE IF EXISTS customers CASCADE;
     CREATE TABLE customers (code text PRIMARY KEY, name text CHECK (name <> 'refused'), note text);
     CREATE VIEW everyone AS SELECT * FROM customers`,
  );
  return {
    connector: postgres,
    settings: { url },
    // A text sorts as the highest one did when it was asked for.
    local: ['settled'],
    trace: () => everythingIn(url),
    standstill: locked(url, 'customers', [
      'high watermark',
      'read',
      'read as copy',
      'look up in source',
      ...(ordered === stream ? ['apply', 'apply copy', 'plan removal', 'remove'] : []),
    ]),
    secrets: [decodeURIComponent(new URL(url).password), wrongPassword],
    broken: {
      'wrong credentials': { url: changed(url, { password: wrongPassword }) },
      'nobody there': { url: changed(url, { host: '127.0.0.1:1' }) },
      'no such database': { url: changed(url, { pathname: '/nowhere' }) },
    },
    async seed(records) {
      await query(url, 'TRUNCATE customers');
      const insert =
        'INSERT INTO customers SELECT * FROM json_populate_recordset(null::customers, $1)';
      await query(url, insert, [JSON.stringify(records)]);
    },
    readBack: () => query(url, 'SELECT code, name, note FROM customers'),
    sourceRequest: () => ({ stream, key: ['code'], options: {} }),
    watermarked: () => ({ stream, key: ['code'], options: {}, watermark: 'note' }),
    ordered: () => ({
      stream: ordered,
      key: ['code'],
      options: {},
      watermark: 'note',
      order: 'watermark',
    }),
    target: (options) => suiteTarget(stream, options),
    // A table has a column or not: a missing value is NULL.
    reads: (value) => value ?? null,
    wrongStream: { stream: 'public.custmers', nearest: stream },
    refused: { name: 'refused', note: 'n' },
    close: () => Promise.resolve(),
  };
}

const wrongPassword = 'wrong password of the suite';

function changed(url: string, parts: { password?: string; host?: string; pathname?: string }) {
  return Object.assign(new URL(url), parts).href;
}

/** Nobody gets at a table. */
function locked(url: string, table: string, acts: readonly string[]): Standstill {
  return {
    acts,
    async begin() {
      const client = new Client({ connectionString: url, options: '-c search_path=public' });
      await client.connect();
      await client.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
      return () => client.end();
    },
  };
}

/** All tables of a database with their rows. */
async function everythingIn(url: string): Promise<unknown> {
  return query(
    url,
    `SELECT schemaname, tablename, (query_to_xml(
       format('SELECT t::text FROM %I.%I t ORDER BY 1', schemaname, tablename), false, true, ''))::text AS rows
     FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2`,
  );
}

async function query(url: string, text: string, values?: unknown[]) {
  const client = new Client({ connectionString: url, options: '-c search_path=public' });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, string | null>>(text, values);
    return rows;
  } finally {
    await client.end();
  }
}
