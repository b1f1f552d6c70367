import { RejectedError } from '../../model/failure.ts';
import type { Json, JsonObject } from '../../model/json.ts';
import type { KeyValues } from '../../model/record.ts';
import type {
  Existing,
  RecordDestination,
  WriteOperation,
  WriteOptions,
  WriteResult,
} from '../destination.ts';
import type { Column } from './catalog.ts';
import { columnNamed, fieldOf } from './catalog.ts';
import { rejection } from './failures.ts';
import { ident } from './names.ts';
import type { Session, TextRow } from './session.ts';
import { normalised, normalisedKey } from './table.ts';
import type { Table } from './table.ts';
import { toText } from './to-text.ts';

const batch = 500;

/** A table written by batches of records, where Sluice may not make tables. */
export function recordDestination(session: Session, table: Table): RecordDestination {
  return {
    kind: 'records',
    fields: table.relation.columns.filter((column) => !column.generated).map(fieldOf),
    batch: { create: batch, update: batch, remove: batch },
    idempotentCreate: table.uniqueKey,
    lookupBatch: 1000,
    lookup: (keys) => lookup(session, table, keys),
    write: (operations, options) => write(session, table, operations, options),
    scan: (signal) => scan(session, table, signal),
  };
}

/** A key that the table's columns cannot hold finds nothing; it is looked for among the others. */
async function lookup(
  session: Session,
  table: Table,
  keys: readonly KeyValues[],
): Promise<Existing[]> {
  try {
    return await find(session, table, keys);
  } catch (error) {
    if (!(error instanceof RejectedError)) throw error;
    if (keys.length <= 1) return [];
    const half = Math.ceil(keys.length / 2);
    const first = await lookup(session, table, keys.slice(0, half));
    return [...first, ...(await lookup(session, table, keys.slice(half)))];
  }
}

async function find(
  session: Session,
  table: Table,
  keys: readonly KeyValues[],
): Promise<Existing[]> {
  const wanted = unnested(table, keys, 1);
  const held = normalisedKey(table);
  const same = wanted.keys.map(
    (key, at) => `${held[at]} = ${normalised(table, table.key[at]!, key)}`,
  );
  const select = `SELECT DISTINCT ${projection(table)} FROM ${wanted.from}
     JOIN ${table.relation.from} d ON ${same.join(' AND ')}`;
  const { rows } = await session.withClient(async (client) => {
    try {
      return await session.run(client, select, wanted.values);
    } catch (error) {
      throw rejection(error) ?? error;
    }
  });
  return rows.map((row) => existingOf(table, row));
}

/** Writes in one transaction; a refusal for the sake of one of several records rejects them all. */
async function write(
  session: Session,
  table: Table,
  operations: readonly WriteOperation[],
  options: WriteOptions = {},
): Promise<WriteResult[]> {
  try {
    await session.transaction(async (client) => {
      await options.beforeSend?.();
      for (const { sql, values } of statements(table, operations, session.connection)) {
        try {
          await session.run(client, sql, values);
        } catch (error) {
          throw rejection(error) ?? error;
        }
      }
    }, options.signal);
  } catch (error) {
    if (!(error instanceof RejectedError) || operations.length > 1) throw error;
    const { code, message, field } = error;
    return [
      { ok: false, class: 'record', code, message, ...(field === undefined ? {} : { field }) },
    ];
  }
  return operations.map(() => ({ ok: true }));
}

interface Statement {
  readonly sql: string;
  readonly values: unknown[];
}

/** One statement per operation and set of fields, since only given fields are written. */
function statements(
  table: Table,
  operations: readonly WriteOperation[],
  connection: string,
): Statement[] {
  const groups = new Map<string, WriteOperation[]>();
  for (const each of operations) {
    const shape = JSON.stringify([each.operation, ...Object.keys(each.values).toSorted()]);
    const group = groups.get(shape);
    if (group) group.push(each);
    else groups.set(shape, [each]);
  }
  return [...groups.values()].map((group) => statement(table, group, connection));
}

function statement(table: Table, group: readonly WriteOperation[], connection: string): Statement {
  const { operation, values } = group[0]!;
  const wanted = unnested(
    table,
    group.map(({ key }) => key),
    1,
  );
  const held = normalisedKey(table);
  const same = wanted.keys.map(
    (key, at) => `${held[at]} = ${normalised(table, table.key[at]!, key)}`,
  );
  const target = table.relation.from;
  if (operation === 'remove') {
    return {
      sql: `DELETE FROM ${target} d USING ${wanted.from} WHERE ${same.join(' AND ')}`,
      values: wanted.values,
    };
  }
  const fields = Object.keys(values).map((name) => columnNamed(table.relation, name, connection));
  const lists = fields.map((column) =>
    group.map((each) =>
      toText(
        each.values[column.name],
        column.base,
        column.category,
        encodingOf(each.values[column.name]),
      ),
    ),
  );
  const all = fields.map((column, at) => ({ column, value: `w.f${at}::${column.base}` }));
  const start = wanted.values.length + 1;
  const from = `unnest(${[...wanted.values, ...lists].map((_, at) => `$${at + 1}::text[]`).join(', ')}) AS w(${[
    ...table.key.map((_, at) => `k${at}`),
    ...fields.map((_, at) => `f${at}`),
  ].join(', ')})`;
  const parameters = [...wanted.values, ...lists].slice(0, start - 1 + lists.length);
  if (operation === 'update') {
    const sets = all.map(({ column, value }) => `${ident(column.name)} = ${value}`).join(', ');
    if (sets === '') return { sql: 'SELECT 1', values: [] };
    return {
      sql: `UPDATE ${target} d SET ${sets} FROM ${from} WHERE ${same.join(' AND ')}`,
      values: parameters,
    };
  }
  const keys = table.key
    .map((column, at) => ({ column, value: wanted.keys[at]! }))
    .filter(({ column }) => !fields.includes(column));
  const columns = [...keys, ...all];
  const names = columns.map(({ column }) => ident(column.name)).join(', ');
  const selected = columns.map(({ value }) => value).join(', ');
  const overriding = columns.some(({ column }) => column.identityAlways)
    ? ' OVERRIDING SYSTEM VALUE'
    : '';
  const conflict = table.conflictKey ? onConflict(table, fields) : '';
  return {
    sql: `INSERT INTO ${target} (${names})${overriding} SELECT ${selected} FROM ${from}${conflict}`,
    values: parameters,
  };
}

function onConflict(table: Table, fields: readonly Column[]): string {
  const target = table.key.map((column) => ident(column.name)).join(', ');
  const others = fields.filter((column) => !table.key.includes(column));
  if (others.length === 0 || !table.target.permissions.update)
    return ` ON CONFLICT (${target}) DO NOTHING`;
  const sets = others.map((column) => `${ident(column.name)} = excluded.${ident(column.name)}`);
  return ` ON CONFLICT (${target}) DO UPDATE SET ${sets.join(', ')}`;
}

/** All records, a thousand keys at a time. */
async function* scan(
  session: Session,
  table: Table,
  signal?: AbortSignal,
): AsyncGenerator<Existing[]> {
  const names = table.key.map((column) => `d.${ident(column.name)}`).join(', ');
  let last: TextRow | undefined;
  for (;;) {
    const bound = last
      ? `WHERE (${names}) > (${table.key.map((c, at) => `$${at + 1}::${c.base}`).join(', ')})`
      : '';
    const values = last ? table.key.map((_, at) => last?.[`k${at}`]) : [];
    const { rows } = await session.query(
      `SELECT ${projection(table)} FROM ${table.relation.from} d ${bound}
       ORDER BY ${names} FETCH FIRST 1000 ROWS WITH TIES`,
      values,
      signal,
    );
    if (rows.length > 0) yield rows.map((row) => existingOf(table, row));
    if (rows.length < 1000) return;
    last = rows.at(-1);
  }
}

function unnested(table: Table, keys: readonly KeyValues[], first: number) {
  const lists = table.key.map((column, at) =>
    keys.map((key) => toText(key[at], column.base, column.category, encodingOf(key[at] ?? null))),
  );
  const from = `unnest(${lists.map((_, at) => `$${first + at}::text[]`).join(', ')}) AS w(${lists.map((_, at) => `k${at}`).join(', ')})`;
  return { from, values: lists, keys: table.key.map((column, at) => `w.k${at}::${column.base}`) };
}

/** Texts come from SQL sources as PostgreSQL prints them; an API's objects come as JSON. */
function encodingOf(value: Json | undefined) {
  return typeof value === 'string' ? ('sql' as const) : ('json' as const);
}

function projection(table: Table): string {
  const keys = table.key.map((column, at) => `d.${ident(column.name)}::text AS k${at}`);
  const fields = table.target.fields.map((name, at) => `d.${ident(name)}::text AS f${at}`);
  return [...keys, ...fields].join(', ');
}

function existingOf(table: Table, row: TextRow): Existing {
  const values: JsonObject = {};
  for (const [at, name] of table.target.fields.entries()) values[name] = row[`f${at}`] ?? null;
  return { key: table.key.map((_, at) => row[`k${at}`] ?? null), id: null, values };
}
