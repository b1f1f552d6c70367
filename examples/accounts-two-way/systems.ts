import { Client } from 'pg';
import { accounts, companies } from './companies.ts';

const salesforceTable = `
  CREATE TABLE account (
    "Id" text PRIMARY KEY,
    "Name" text NOT NULL,
    "Type" text,
    "Website" text,
    "IsDeleted" boolean NOT NULL DEFAULT false,
    "SystemModstamp" timestamptz NOT NULL DEFAULT clock_timestamp()
  );
  CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW."SystemModstamp" = clock_timestamp(); RETURN NEW; END $$;
  CREATE TRIGGER stamp BEFORE UPDATE ON account FOR EACH ROW EXECUTE FUNCTION stamp()`;

const hubspotTable = `
  CREATE TABLE companies (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    domain text,
    employees integer,
    kind text,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
  );
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.updated_at = clock_timestamp(); RETURN NEW; END $$;
  CREATE TRIGGER touch BEFORE UPDATE ON companies FOR EACH ROW EXECUTE FUNCTION touch()`;

/** The URLs of the two databases that stand in for Salesforce and HubSpot. */
export interface Systems {
  readonly salesforce: string;
  readonly hubspot: string;
}

/** Makes both databases in a Postgres, and fills them. @param admin URL of a role that may create databases */
export async function startSystems(admin: string): Promise<Systems> {
  const create = async (name: string): Promise<string> => {
    await query(admin, `CREATE DATABASE ${name}`);
    const url = new URL(admin);
    url.pathname = `/${name}`;
    return url.href;
  };
  const systems = { salesforce: await create('salesforce'), hubspot: await create('hubspot') };
  await fillSystems(systems);
  return systems;
}

/** Makes the table of each system in its empty database, and fills it. */
export async function fillSystems({ salesforce, hubspot }: Systems): Promise<void> {
  await fill(salesforce, salesforceTable, 'account', accounts());
  await fill(hubspot, hubspotTable, 'companies', companies());
}

/** Runs SQL; returns the rows of a single statement. */
export async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  return connected(url, async (client) => (await client.query<Record<string, unknown>>(sql)).rows);
}

async function fill(
  url: string,
  ddl: string,
  table: string,
  rows: readonly object[],
): Promise<void> {
  const columns = Object.keys(rows[0] ?? {})
    .map((name) => `"${name}"`)
    .join(', ');
  await connected(url, async (client) => {
    await client.query(ddl);
    await client.query(
      `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM json_populate_recordset(null::${table}, $1)`,
      [JSON.stringify(rows)],
    );
  });
}

async function connected<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
