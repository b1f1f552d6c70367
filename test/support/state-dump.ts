import { Client } from 'pg';

/** Returns every row of every table of a database as text. Bytes are shown twice: as printed, and decoded as text. */
export async function dumpDatabase(url: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const texts: string[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      texts.push(name, ...rows.map(({ row }) => row));
    }
    const text = texts.join('\n');
    const spelled = text.replaceAll(/\\x([0-9a-f]+)/g, (_, hex: string) =>
      Buffer.from(hex, 'hex').toString(),
    );
    return `${text}\n${spelled}`;
  } finally {
    await client.end();
  }
}
