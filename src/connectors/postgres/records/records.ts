import { setOwn } from '../../../model/own.ts';
import { RejectedError } from '../../../model/failure.ts';
import type { JsonObject } from '../../../model/json.ts';
import type { KeyValues } from '../../../model/record.ts';
import type {
  Existing,
  RecordDestination,
  WriteOperation,
  WriteResult,
} from '../../contract/records.ts';
import type { Calls } from '../../contract/calls.ts';
import type pg from 'pg';
import type { SluiceTables } from '../catalog/sluice-tables.ts';
import { writeWithIds } from './assigned.ts';
import { coerced, printed } from '../values/cast.ts';
import { columnNamed, fieldOf, type Column } from '../catalog/catalog.ts';
import { anyDiffers } from '../values/compare.ts';
import { refusableQuery } from '../link/refusable-query.ts';
import { ident } from '../catalog/names.ts';
import { after, sortedBy } from '../values/order.ts';
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
import { advanceSequences } from '../catalog/sequences.ts';
import { notCreated, notFound, notUpdated } from '../staged/refusals.ts';
import type { Link } from '../link/link.ts';
import type { Session, TextRow } from '../link/session.ts';
import type { Table } from '../catalog/table.ts';
import { writeApart } from './write-records.ts';

const batch = 500;

/** An open table, and the place beside it for Sluice's own tables. */
interface Held {
  readonly link: Link;
  readonly table: Table;
  readonly sluiceTables: SluiceTables | null;
}

/**
 * Opens a table to be written by batches of records. It is used when Sluice may not make tables, or when the table
 * gives its records ids.
 * @param sluiceTables the place where ids of created records are kept, so that a repeated create is recognised
 */
export function recordDestination(
  link: Link,
  table: Table,
  sluiceTables: SluiceTables | null,
): RecordDestination {
  const held = { link, table, sluiceTables };
  const forget = async (run: string, calls: Calls) =>
    sluiceTables?.forgetOperations(link.session(calls), run);
  return {
    kind: 'records',
    fields: table.relation.columns.filter((column) => !column.generated).map(fieldOf),
    leavesOut: table.leavesOut,
    batch: { create: batch, update: batch, remove: batch },
    // A create without a key, repeated, makes a second record unless the first one was recorded.
    idempotentCreate: table.id ? sluiceTables !== null : table.uniqueKey,
    lookupBatch: 1000,
    findsByAnyField: true,
    encoding: 'sql',
    takes: 'sql',
    ...(respells(table) && {
      storedKeys: (keys: readonly KeyValues[], calls: Calls) =>
        storedKeys(link.session(calls), table, keys),
    }),
    lookup: (keys, calls, values) => lookup(link.session(calls), table, keys, values),
    write: (operations, calls) => write(held, operations, calls),
    scan: (calls) => scan(link.session(calls), table),
    ...(table.id && { forget }),
  };
}

/**
 * Looks up records. A key that the table's columns cannot hold finds nothing; for values that cannot be compared in the
 * database only the key is looked up, and the caller compares. Neither spoils the lookup of the others.
 */
function lookup(
  session: Session,
  table: Table,
  keys: readonly KeyValues[],
  values?: readonly JsonObject[],
): Promise<Existing[]> {
  const places = [...keys.keys()];
  const ask = (some: readonly number[]) =>
    find(
      session,
      table,
      some.map((at) => keys[at]!),
      values && some.map((at) => values[at]!),
    );
  return byHalves(places, ask, async (at) =>
    values === undefined ? [] : lookup(session, table, [keys[at]!]),
  );
}

/**
 * Returns what `ask` answers for all items. When it refuses because of a value, halving finds the item at fault.
 * @param alone returns the answer for an item that is refused by itself
 */
async function byHalves<Item, Result>(
  items: readonly Item[],
  ask: (items: readonly Item[]) => Promise<Result[]>,
  alone: (item: Item) => Promise<Result[]>,
): Promise<Result[]> {
  try {
    return await ask(items);
  } catch (error) {
    const [first] = items;
    if (!(error instanceof RejectedError) || first === undefined) throw error;
    if (items.length === 1) return alone(first);
    const half = Math.ceil(items.length / 2);
    const before = await byHalves(items.slice(0, half), ask, alone);
    return [...before, ...(await byHalves(items.slice(half), ask, alone))];
  }
}

async function find(
  session: Session,
  table: Table,
  keys: readonly KeyValues[],
  values?: readonly JsonObject[],
): Promise<Existing[]> {
  const { relation, target } = table;
  const compared =
    values === undefined
      ? []
      : target.fields.map((name) => columnNamed(relation, name, session.connection));
  const wanted = rowsOf(target, table.key, keys, compared, values);
  const same = wanted.fields.map(({ column, value }, at) => {
    const pair = { column, held: `d.${ident(column.name)}`, value: coerced(column, value) };
    return `, NOT (${anyDiffers([pair])}) AS s${at}`;
  });
  const select = `SELECT w.place, ${projection(table)}${same.join('')} FROM ${wanted.from}
     JOIN ${relation.from} d ON ${sameKey(table, wanted)}`;
  const { rows } = await refusableQuery(session, select, wanted.values);
  return rows.map((row) => {
    const existing = existingOf(table, row);
    return {
      ...existing,
      key: keys[Number(row['place']) - 1] ?? [],
      heldKey: existing.key,
      ...(values && { same: target.fields.filter((_, at) => row[`s${at}`] === 't') }),
    };
  });
}

/** True when the key's columns may hold a key in another form than the source does. */
function respells({ key, target }: Table): boolean {
  return key.some(({ name, native, base }) => {
    const given = target.shapes?.find((shape) => shape.name === name)?.native;
    return given !== native && !/^(text|character varying)$/.test(native || base);
  });
}

/** Returns the keys as the table would hold them. A key that it could not hold stays as it is. */
function storedKeys(
  session: Session,
  table: Table,
  keys: readonly KeyValues[],
): Promise<KeyValues[]> {
  const ask = async (some: readonly KeyValues[]): Promise<KeyValues[]> => {
    const given = rowsOf(table.target, table.key, some);
    const stored = table.key.map(
      (column, at) => `${printed(column, coerced(column, given.keys[at]!))} AS k${at}`,
    );
    const select = `SELECT ${stored.join(', ')} FROM ${given.from} ORDER BY w.place`;
    const { rows } = await refusableQuery(session, select, given.values);
    return rows.map((row) => table.key.map((_, at) => row[`k${at}`] ?? null));
  };
  return byHalves(keys, ask, async (key) => [key]);
}

/** Writes in one transaction. A refusal that a record caused becomes that record's result. */
function write(
  { link, table, sluiceTables }: Held,
  operations: readonly WriteOperation[],
  calls: Calls,
): Promise<WriteResult[]> {
  const session = link.session(calls);
  return session.transaction(async (client) => {
    const { id } = table;
    const send = (some: readonly WriteOperation[]) =>
      id
        ? writeWithIds({ session, client, table, id, sluiceTables }, some)
        : writeByKey(session, client, table, some);
    return writeApart({ session, client, table, write: send }, operations);
  });
}

/** Writes operations of one kind. Errors are not classed. */
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
  if (table.advances && operations[0]?.operation === 'create')
    await advanceSequences(session, client, table);
  return operations.map((operation) => failed.get(operation) ?? { ok: true });
}

/** Returns the places, counted from 1, of the operations whose records exist. */
async function placesHeld(
  session: Session,
  client: pg.PoolClient,
  table: Table,
  group: readonly WriteOperation[],
): Promise<ReadonlySet<number>> {
  const keys = rowsOf(
    table.target,
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

/** Builds one statement for operations of one kind and set of fields. */
function statement(table: Table, group: readonly WriteOperation[], connection: string): Statement {
  const fields = writtenBy(table, group, connection);
  const rows = rowsOf(
    table.target,
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

/** Reads all records, a thousand keys at a time. */
async function* scan(session: Session, table: Table): AsyncGenerator<Existing[]> {
  const order = sortedBy(table.key, 'd');
  let last: TextRow | undefined;
  for (;;) {
    const values = table.key.map((_, at) => last?.[`k${at}`] ?? null);
    const bound = last ? `WHERE ${after(table.key, values, 'd')}` : '';
    const { rows } = await session.query(
      `SELECT ${projection(table)} FROM ${table.relation.from} d ${bound}
       ORDER BY ${order} FETCH FIRST 1000 ROWS WITH TIES`,
    );
    if (rows.length > 0) yield rows.map((row) => existingOf(table, row));
    if (rows.length < 1000) return;
    last = rows.at(-1);
  }
}

function shown(column: Column, as: string): string {
  return `${printed(column, `d.${ident(column.name)}`)} AS ${as}`;
}

function projection(table: Table): string {
  const keys = table.key.map((column, at) => shown(column, `k${at}`));
  const fields = table.target.fields.map((name, at) =>
    shown(
      table.relation.columns.find((column) => column.name === name)!,
      `f${at}`,
    ),
  );
  const id = table.id ? [shown(table.id, 'id')] : [];
  return [...keys, ...fields, ...id].join(', ');
}

function existingOf(table: Table, row: TextRow): Existing {
  const values: JsonObject = {};
  for (const [at, name] of table.target.fields.entries())
    setOwn(values, name, row[`f${at}`] ?? null);
  return { key: table.key.map((_, at) => row[`k${at}`] ?? null), id: row['id'] ?? null, values };
}
