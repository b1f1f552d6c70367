import type { StreamInfo } from '../../../model/stream.ts';
import type { Field } from '../../../model/field.ts';
import { belowDomains, notNullSql, unprovenSql } from './catalog.ts';
import { fieldTypeOf } from './field-types.ts';
import { streamSql } from './names.ts';
import type { Session } from '../link/session.ts';

const sql = `SELECT ${streamSql} AS name,
    json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod), format_type(t.oid, -1),
      t.typcategory, NOT a.not_null OR ${unprovenSql}) ORDER BY a.attnum) AS fields,
    (SELECT json_agg(ka.attname ORDER BY k.ord) FROM pg_index i
       CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, ord)
       JOIN pg_attribute ka ON ka.attrelid = i.indrelid AND ka.attnum = k.attnum
       WHERE i.indrelid = c.oid AND i.indisprimary AND k.ord <= i.indnkeyatts) AS key
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN (SELECT *, ${notNullSql} AS not_null FROM pg_attribute) a
    ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  ${belowDomains}
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_'
    AND n.nspname NOT IN ('information_schema', 'sluice') AND NOT c.relispartition
    AND c.relname NOT LIKE '\\_sluice\\_%'
  GROUP BY c.oid, n.nspname, c.relname ORDER BY 1`;

type FieldRow = [name: string, native: string, base: string, category: string, nullable: boolean];

/** Lists the tables and views outside the system schemas. */
export async function discover(session: Session): Promise<StreamInfo[]> {
  const { rows } = await session.query(sql);
  return rows.map((row) => ({
    name: row['name'] ?? '',
    fields: (JSON.parse(row['fields'] ?? '[]') as FieldRow[]).map(fieldOfRow),
    primaryKey: JSON.parse(row['key'] ?? '[]') as string[],
  }));
}

function fieldOfRow([name, native, base, category, nullable]: FieldRow): Field {
  return { name, type: fieldTypeOf(base, category), native, nullable };
}
