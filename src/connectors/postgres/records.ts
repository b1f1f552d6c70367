import { RejectedError } from '../../model/failure.ts';
import type { JsonObject } from '../../model/json.ts';
import type { KeyValues } from '../../model/record.ts';
import type {
  Existing,
  RecordDestination,
  WriteOperation,
  WriteOptions,
  WriteResult,
} from '../destination.ts';
import type pg from 'pg';
import type { Area } from './area.ts';
import { writeWithIds } from './assigned.ts';
import { fieldOf } from './catalog.ts';
import { rejection } from './failures.ts';
import { ident } from './names.ts';
import {
  deleteSql,
  grouped,
  insertInto,
  onConflict,
  rowsOf,
  sameKey,
  updateSql,
  writtenBy,
  type Statement,
} from './record-sql.ts';
import { notCreated, notFound, notUpdated } from './refusals.ts';
import type { Session, TextRow } from './session.ts';
import type { Table } from './table.ts';
import { writeApart } from './write-records.ts';

const batch = 500;

/** A table, and where Sluice may keep tables of its own beside it. */
interface Held {
  readonly session: Session;
  readonly table: Table;
  readonly area: Area | null;
}

/**
 * A table written by batches of records, where Sluice may not make tables or the table gives its records ids.
 * @param area where the ids of created records are noted, so that a repeated create is known
 */
export function recordDestination(
  session: Session,
  table: Table,
  area: Area | null,
): RecordDestination {
  const held = { session, table, area };
  const forget = (run: string) => area?.forgetCreated(session, run) ?? Promise.resolve();
  return {
    kind: 'records',
    fields: table.relation.columns.filter((column) => !column.generated).map(fieldOf),
    batch: { create: batch, update: batch, remove: batch },
    // A create without a key makes a second record, unless the first is noted.
    idempotentCreate: table.id ? area !== null : table.uniqueKey,
    lookupBatch: 1000,
    lookup: (keys) => lookup(session, table, keys),
    write: (operations, options) => write(held, operations, options),
    scan: (signal) => scan(session, table, signal),
    ...(table.id && { finish: forget, abandon: forget }),
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
  const wanted = rowsOf(table.key, keys);
  const select = `SELECT DISTINCT ${projection(table)} FROM ${wanted.from}
     JOIN ${table.relation.from} d ON ${sameKey(table, wanted)}`;
  const { rows } = await session.withClient(async (client) => {
    try {
      return await session.run(client, select, wanted.values);
    } catch (error) {
      throw rejection(error) ?? error;
    }
  });
  return rows.map((row) => existingOf(table, row));
}

/** Writes in one transaction; what is refused for the sake of a record is that record's result. */
function write(
  { session, table, area }: Held,
  operations: readonly WriteOperation[],
  options: WriteOptions = {},
): Promise<WriteResult[]> {
  return session.transaction(async (client) => {
    await options.beforeSend?.();
    const { id } = table;
    const send = (some: readonly WriteOperation[]) =>
      id
        ? writeWithIds({ session, client, table, id, area }, some)
        : writeByKey(session, client, table, some);
    return writeApart({ session, client, table, write: send }, operations);
  }, options.signal);
}

/** Writes operations of one kind; errors come out raw. */
async function writeByKey(
  session: Session,
  client: pg.PoolClient,
  table: Table,
  operations: readonly WriteOperation[],
): Promise<WriteResult[]> {
  const failed = new Map<WriteOperation, WriteResult>();
  for (const group of grouped(operations, ({ operation }) => [operation])) {
    const kind = group[0]?.operation;
    const { sql, values } = statement(table, group, session.connection);
    const { rows, count } = await session.run(client, sql, values);
    if (count >= group.length || kind === 'remove') continue;
    const there = await placesHeld(session, client, table, group);
    const met = new Set(kind === 'update' ? rows.map(({ place }) => Number(place)) : there);
    for (const [at, operation] of group.entries()) {
      if (met.has(at + 1)) continue;
      const why = kind === 'create' ? notCreated : there.has(at + 1) ? notUpdated : notFound;
      failed.set(operation, { ok: false, class: 'record', ...why });
    }
  }
  return operations.map((operation) => failed.get(operation) ?? { ok: true });
}

/** The places, from 1, of the operations whose records are there. */
async function placesHeld(
  session: Session,
  client: pg.PoolClient,
  table: Table,
  group: readonly WriteOperation[],
): Promise<ReadonlySet<number>> {
  const keys = rowsOf(
    table.key,
    group.map(({ key }) => key),
  );
  const { rows } = await session.run(
    client,
    `SELECT DISTINCT w.place FROM ${keys.from} JOIN ${table.relation.from} d ON ${sameKey(table, keys)}`,
    keys.values,
  );
  return new Set(rows.map(({ place }) => Number(place)));
}

/** One statement for operations of one kind and set of fields. */
function statement(table: Table, group: readonly WriteOperation[], connection: string): Statement {
  const fields = writtenBy(table, group, connection);
  const rows = rowsOf(
    table.key,
    group.map(({ key }) => key),
    fields,
    group.map((each) => each.values),
  );
  const { values } = rows;
  const same = sameKey(table, rows);
  const operation = group[0]?.operation;
  if (operation === 'remove') return { sql: deleteSql(table, rows, same), values };
  if (operation === 'update')
    return fields.length === 0
      ? { sql: `SELECT w.place FROM ${rows.from}`, values }
      : { sql: `${updateSql(table, rows, same)} RETURNING w.place`, values };
  const keys = table.key
    .map((column, at) => ({ column, value: rows.keys[at]! }))
    .filter(({ column }) => !fields.includes(column));
  const columns = [...keys, ...rows.fields];
  const into = insertInto(
    table,
    columns.map(({ column }) => column),
  );
  const selected = columns.map(({ value }) => value).join(', ');
  return {
    sql: `${into} SELECT ${selected} FROM ${rows.from}${onConflict(table, fields)}`,
    values,
  };
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

function projection(table: Table): string {
  const keys = table.key.map((column, at) => `d.${ident(column.name)}::text AS k${at}`);
  const fields = table.target.fields.map((name, at) => `d.${ident(name)}::text AS f${at}`);
  const id = table.id ? [`d.${ident(table.id.name)}::text AS id`] : [];
  return [...keys, ...fields, ...id].join(', ');
}

function existingOf(table: Table, row: TextRow): Existing {
  const values: JsonObject = {};
  for (const [at, name] of table.target.fields.entries()) values[name] = row[`f${at}`] ?? null;
  return { key: table.key.map((_, at) => row[`k${at}`] ?? null), id: row['id'] ?? null, values };
}
