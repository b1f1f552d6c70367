import type { JsonObject } from '../../../model/json.ts';
import { own, setOwn } from '../../../model/own.ts';
import type pg from 'pg';
import type { WriteOperation, WriteResult } from '../../contract/records.ts';
import type { SluiceTables } from '../catalog/sluice-tables.ts';
import { coerced, printed } from '../values/cast.ts';
import { anyDiffers, comparable, equal } from '../values/compare.ts';
import type { Column } from '../catalog/catalog.ts';
import { ident } from '../catalog/names.ts';
import {
  deleteSql,
  grouped,
  insertInto,
  onConflict,
  rowsOf,
  sameKey,
  texts,
  updateSql,
  writtenBy,
  type Rows,
  type Statement,
} from './record-sql.ts';
import { StoredNotes } from './stored-notes.ts';
import { edited, notCreated, notFound, notUpdated } from '../staged/refusals.ts';
import type { Session, TextRow } from '../link/session.ts';
import type { Table } from '../catalog/table.ts';

/** A transaction on a table that gives its records ids. */
interface Writing {
  readonly session: Session;
  readonly client: pg.PoolClient;
  readonly table: Table;
  readonly id: Column;
  /** The place where creates are recorded; null when they are not. */
  readonly sluiceTables: SluiceTables | null;
  /** With `Target.twoWay`: notes of what is stored; null when there is no place for them. */
  readonly notes: StoredNotes | null;
}

/** A record that an operation created or found. */
interface Written {
  readonly id: string;
  /** With `Target.twoWay`: the written fields as the record holds them. */
  readonly stored?: JsonObject;
  /** The reason why the record, which exists, was not written. */
  readonly refused?: typeof edited | typeof notUpdated;
}

/** The records that operations created or found, by idempotency key. */
type AllWritten = ReadonlyMap<string, Written>;

/** The most creates in one statement. Each is planned by itself, so that many at once cost more than they save. */
const insertsAtOnce = 100;

/** Writes operations of one kind. Every success carries the id of its record. Errors are not classed. */
export async function writeWithIds(
  open: Omit<Writing, 'notes'>,
  operations: readonly WriteOperation[],
): Promise<WriteResult[]> {
  const writing = { ...open, notes: notesOf(open) };
  const kind = operations[0]?.operation;
  const all = await (kind === 'create' ? create(writing, operations) : change(writing, operations));
  if (kind !== 'remove') await writing.notes?.put(storedIn(all));
  return operations.map((operation) => resultOf(operation, all.get(operation.idempotencyKey)));
}

function notesOf({
  session,
  client,
  table: { target },
  sluiceTables,
}: Omit<Writing, 'notes'>): StoredNotes | null {
  const { twoWay, run } = target;
  if (sluiceTables === null || twoWay !== true || run === undefined) return null;
  return new StoredNotes(session, client, sluiceTables.stored, run);
}

function storedIn(all: AllWritten): Map<string, JsonObject> {
  const stored = new Map<string, JsonObject>();
  for (const [key, written] of all)
    if (written.stored !== undefined) stored.set(key, written.stored);
  return stored;
}

function resultOf({ operation, id }: WriteOperation, written?: Written): WriteResult {
  if (written?.refused !== undefined) return { ok: false, class: 'record', ...written.refused };
  if (written !== undefined) return { ok: true, ...written };
  if (operation === 'remove') return { ok: true, ...(id !== null && { id }) };
  return { ok: false, class: 'record', ...(operation === 'create' ? notCreated : notFound) };
}

/**
 * Updates or removes records and returns those that were found. An operation with an id finds its record by
 * the id alone.
 */
async function change(
  { session, client, table, id, notes }: Writing,
  operations: readonly WriteOperation[],
): Promise<AllWritten> {
  const all = new Map<string, Written>();
  const groups = grouped(operations, (each) => [
    each.operation,
    each.id === null,
    isGuarded(table, each),
  ]);
  for (const group of groups) {
    const fields = writtenBy(table, group, session.connection);
    const byId = group[0]?.id !== null;
    const guarded = group.every((each) => isGuarded(table, each));
    const rows = rowsOf(
      table.target,
      byId ? [id] : table.key,
      group.map((each) => (byId ? [each.id] : each.key)),
      fields,
      group.map((each) => each.values),
      guarded ? group.map(({ before = {} }) => before) : undefined,
    );
    const held = `d.${ident(id.name)}`;
    const same = byId ? `${held} = ${rows.keys[0]}` : sameKey(table, rows);
    const met = `w.place, ${printed(id, held)} AS id${storedSql(table, fields, 'd.')}`;
    const sql =
      group[0]?.operation === 'remove'
        ? `${deleteSql(table, rows, same)} RETURNING ${met}`
        : fields.length === 0
          ? `SELECT ${met} FROM ${table.relation.from} d JOIN ${rows.from} ON ${same}`
          : `${updateSql(table, rows, guarded ? `${same} AND ${unedited(rows)}` : same)} RETURNING ${met}`;
    const answer = await session.run(client, sql, rows.values);
    for (const row of answer.rows) note(all, table, { group, fields }, row);
    if (!guarded || answer.rows.length >= group.length) continue;
    const left = group.filter(({ idempotencyKey }) => !all.has(idempotencyKey));
    const noted =
      (await notes?.get(left.map(({ idempotencyKey }) => idempotencyKey))) ??
      new Map<string, JsonObject>();
    // Those that still exist were edited, or an earlier attempt has updated them, or a trigger does not take the update.
    const there = await session.run(
      client,
      `SELECT w.place, ${printed(id, held)} AS id, ${unedited(rows)} AS unedited
       FROM ${table.relation.from} d JOIN ${rows.from} ON ${same}`,
      rows.values,
    );
    for (const { place, id: found, unedited: isUnedited } of there.rows) {
      const key = group[Number(place) - 1]?.idempotencyKey ?? '';
      if (all.has(key)) continue;
      const stored = noted.get(key);
      const refused = isUnedited === 't' ? notUpdated : edited;
      all.set(key, { id: found ?? '', ...(stored === undefined ? { refused } : { stored }) });
    }
  }
  return all;
}

/** True when the operation is an update that is made only while the record holds `before`. */
function isGuarded({ target }: Table, { operation, before }: WriteOperation): boolean {
  return target.twoWay === true && operation === 'update' && before !== undefined;
}

/**
 * SQL condition: each field still holds what it held before, or already holds what it is given, as after an update whose
 * answer was lost.
 */
function unedited({ fields }: Rows): string {
  const parts = fields.map(({ column, value, before = 'NULL' }) => {
    const held = `d.${ident(column.name)}`;
    const differs = anyDiffers([{ column, held, value: coerced(column, value) }]);
    return `(${holds(column, held, before)} OR NOT (${differs}))`;
  });
  return parts.join(' AND ');
}

/**
 * SQL condition: a column holds a value that was read and decoded. Decoding keeps values, not their print: 1.50 comes
 * back as 1.5.
 */
function holds(column: Column, held: string, value: string): string {
  const same =
    column.base === 'json'
      ? `(${held})::jsonb = (${value})::jsonb`
      : equal(column, comparable(column, held), comparable(column, value));
  return `coalesce(${same}, ${held} IS NULL AND ${value} IS NULL)`;
}

/** Builds the part of RETURNING that tells the written fields, if the caller wants to know them. */
function storedSql({ target }: Table, fields: readonly Column[], prefix: '' | 'd.'): string {
  if (target.twoWay !== true) return '';
  return fields
    .map((column, at) => `, ${printed(column, `${prefix}${ident(column.name)}`)} AS f${at}`)
    .join('');
}

function note(
  all: Map<string, Written>,
  { target }: Table,
  {
    group,
    fields,
  }: { readonly group: readonly WriteOperation[]; readonly fields: readonly Column[] },
  row: TextRow,
): void {
  const operation = group[Number(row['place']) - 1];
  const id = row['id'] ?? null;
  if (operation === undefined || id === null) return;
  const stored: JsonObject = {};
  for (const [at, { name }] of fields.entries()) setOwn(stored, name, row[`f${at}`] ?? null);
  all.set(operation.idempotencyKey, { id, ...(target.twoWay === true && { stored }) });
}

/** Creates each record once: a record that an earlier attempt created and that still exists is updated instead. */
async function create(
  writing: Writing,
  operations: readonly WriteOperation[],
): Promise<AllWritten> {
  const { sluiceTables } = writing;
  const given = operations.map((each) => withoutNull(writing, each));
  const made = sluiceTables && (await createdBefore(writing, sluiceTables, given));
  const fresh = given.filter(({ idempotencyKey }) => !made?.has(idempotencyKey));
  const inserted = await insert(writing, fresh);
  // An INSERT returns nothing for a record that it met and left unchanged.
  const met = fresh.filter((each) => !inserted.has(each.idempotencyKey) && !isKeyless(each));
  const found = await change(
    writing,
    met.map((each) => ({ ...each, operation: 'update', id: null, values: {} })),
  );
  const fresher = new Map([...inserted, ...found]);
  if (sluiceTables) await remember(writing, sluiceTables, fresher);
  return new Map([...(made ?? []), ...fresher]);
}

/**
 * Finds the records that earlier attempts created and that still exist, and updates them, except those of which this run
 * has noted what is stored: they have their values, or someone's edit since.
 */
async function createdBefore(
  writing: Writing,
  sluiceTables: SluiceTables,
  operations: readonly WriteOperation[],
): Promise<AllWritten> {
  const again = await repeated(writing, sluiceTables, operations);
  const keys = again.map(({ idempotencyKey }) => idempotencyKey);
  const noted = (await writing.notes?.get(keys)) ?? new Map<string, JsonObject>();
  const all = await change(
    writing,
    again.map((each) => (noted.has(each.idempotencyKey) ? { ...each, values: {} } : each)),
  );
  return new Map(
    [...all].map(([key, written]) => {
      const stored = noted.get(key);
      return [key, stored === undefined ? written : { ...written, stored }];
    }),
  );
}

/** True when the system is to assign the key. */
function isKeyless({ key }: WriteOperation): boolean {
  return key.every((value) => value === null);
}

/** Returns the create without those nulls that stand for values the system assigns. */
function withoutNull({ table, id }: Writing, operation: WriteOperation): WriteOperation {
  const assigned = isKeyless(operation) ? [id, ...table.key] : [id];
  const isAssigned = (name: string) => assigned.some((column) => column.name === name);
  const entries = Object.entries(operation.values);
  const values = entries.filter(([name, value]) => value !== null || !isAssigned(name));
  return { ...operation, values: Object.fromEntries(values) };
}

/**
 * Claims creates for this transaction, waiting for another transaction that has claimed the same ones. Returns an
 * update for each create that was made before.
 */
async function repeated(
  { session, client, table }: Writing,
  sluiceTables: SluiceTables,
  operations: readonly WriteOperation[],
): Promise<WriteOperation[]> {
  const keys = [operations.map(({ idempotencyKey }) => idempotencyKey)];
  await session.run(
    client,
    `INSERT INTO ${sluiceTables.created} (idempotency_key) SELECT k FROM unnest($1::text[]) k ORDER BY k ON CONFLICT DO NOTHING`,
    keys,
  );
  const { rows } = await session.run(
    client,
    `SELECT idempotency_key AS key, id FROM ${sluiceTables.created} WHERE idempotency_key = ANY($1::text[])
     ORDER BY idempotency_key FOR UPDATE`,
    keys,
  );
  const made = new Map(rows.map(({ key, id }) => [key ?? '', id ?? null]));
  return operations.flatMap((each): WriteOperation[] => {
    const id = made.get(each.idempotencyKey) ?? null;
    const values = table.target.permissions.update ? each.values : {};
    return id === null ? [] : [{ ...each, operation: 'update', id, values }];
  });
}

/** Records the ids of created records, in the transaction that created them. */
async function remember(
  { session, client }: Writing,
  sluiceTables: SluiceTables,
  written: AllWritten,
): Promise<void> {
  if (written.size === 0) return;
  await session.run(
    client,
    `UPDATE ${sluiceTables.created} c SET id = w.id FROM unnest($1::text[], $2::text[]) AS w(key, id)
     WHERE c.idempotency_key = w.key`,
    [[...written.keys()], [...written.values()].map(({ id }) => id)],
  );
}

/** Inserts records and returns them. */
async function insert(
  writing: Writing,
  operations: readonly WriteOperation[],
): Promise<AllWritten> {
  const { session, client, table } = writing;
  const all = new Map<string, Written>();
  for (const group of grouped(operations, (each) => [isKeyless(each)])) {
    for (let start = 0; start < group.length; start += insertsAtOnce) {
      const some = group.slice(start, start + insertsAtOnce);
      const fields = writtenBy(table, some, session.connection);
      const { sql, values } = inserts(writing, some, fields);
      const { rows } = await session.run(client, sql, values);
      for (const row of rows) note(all, table, { group: some, fields }, row);
    }
  }
  return all;
}

/**
 * Builds a statement that inserts records of one shape. RETURNING gives the rows of a multi-row INSERT in no certain
 * order, so each row has an INSERT of its own.
 */
function inserts(
  { table, id }: Writing,
  group: readonly WriteOperation[],
  fields: readonly Column[],
): Statement {
  const keyless = group.every(isKeyless);
  const key = keyless ? [] : table.key.filter((column) => !fields.includes(column));
  const columns = [...key, ...fields];
  const values = [
    ...key.map((column) => {
      const at = table.key.indexOf(column);
      return texts(
        table.target,
        column,
        group.map((each) => each.key[at]),
        'key',
      );
    }),
    ...fields.map((column) =>
      texts(
        table.target,
        column,
        group.map((each) => own(each.values, column.name)),
      ),
    ),
  ];
  const into = insertInto(table, columns);
  const conflict = keyless ? '' : onConflict(table, fields);
  const stored = storedSql(table, fields, '');
  const rows = group.map((_, at) => {
    const row = columns.map(({ base }, list) => `($${list + 1}::text[])[${at + 1}]::${base}`);
    const given = row.length === 0 ? 'DEFAULT VALUES' : `VALUES (${row.join(', ')})`;
    return `r${at} AS (${into} ${given}${conflict} RETURNING ${printed(id, ident(id.name))} AS id${stored})`;
  });
  const places = group.map((_, at) => `SELECT ${at + 1} AS place, r${at}.* FROM r${at}`);
  return { sql: `WITH ${rows.join(', ')} ${places.join(' UNION ALL ')}`, values };
}
