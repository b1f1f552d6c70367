import { own } from '../../../model/own.ts';
import type pg from 'pg';
import type { WriteOperation, WriteResult } from '../../contract/records.ts';
import { rowFault } from '../failures/failures.ts';
import type { Column } from '../catalog/catalog.ts';
import { texts } from './record-sql.ts';
import { columnsOfRules, shapeOf, tooLong } from '../staged/refusals.ts';
import { rulesOf, type Reference } from '../catalog/rules.ts';
import type { Session } from '../link/session.ts';
import { stuckRows } from '../staged/stuck-rows.ts';
import type { Table } from '../catalog/table.ts';

/** A transaction in which records are written, and the function that writes some of them. */
export interface Writing {
  readonly session: Session;
  readonly client: pg.PoolClient;
  readonly table: Table;
  /** Writes operations in one statement or several. Errors are not classed. */
  write(operations: readonly WriteOperation[]): Promise<WriteResult[]>;
}

interface Refused {
  readonly operation: WriteOperation;
  readonly error: unknown;
}

/** SQLSTATEs of refusals that another record may have caused. */
const mutual = /^(21|23503|23505|23P01|P0)/;

/**
 * Writes operations of one kind so that those at fault fail alone and all others succeed. A batch that fails is halved.
 * Operations that may wait for another record are tried again as long as any of them succeeds.
 */
export async function writeApart(
  writing: Writing,
  operations: readonly WriteOperation[],
): Promise<WriteResult[]> {
  const results = new Map<WriteOperation, WriteResult>();
  let refused = await apart(writing, operations, results);
  for (let before = operations.length; refused.length > 0 && refused.length < before;) {
    before = refused.length;
    refused = await again(writing, refused, results);
  }
  for (const each of refused) results.set(each.operation, await resultOf(writing, each));
  return operations.map((operation) => results.get(operation)!);
}

/**
 * Tries again the operations that may succeed now: first, all at once, those that wait for nothing but each other; then
 * the rest.
 */
async function again(
  writing: Writing,
  refused: readonly Refused[],
  results: Map<WriteOperation, WriteResult>,
): Promise<Refused[]> {
  const waiting = refused.filter(({ error }) => mayLand(error));
  const { session, client, table } = writing;
  const { outgoing } = await rulesOf(session, client, table.relation.from);
  const edges = outgoing.filter(({ self }) => self).flatMap((each) => tied(table, waiting, each));
  const left = stuckRows(edges);
  const is = (held: boolean) =>
    waiting.filter((_, at) => left.has(String(at)) === held).map(({ operation }) => operation);
  const free = await apart(writing, is(false), results);
  const rest = await apart(writing, is(true), results);
  return [...refused.filter(({ error }) => !mayLand(error)), ...free, ...rest];
}

/**
 * Returns which operation waits for which other one because of a reference, by index; `needs` is null when it waits for
 * a record that none of them writes.
 */
function tied(
  table: Table,
  waiting: readonly Refused[],
  { from, to }: Reference,
): { row: string; needs: string | null }[] {
  const places = new Map(
    waiting.map(({ operation }, at) => [valuesOf(table, operation, to), String(at)]),
  );
  return waiting.flatMap(({ operation }, at) => {
    const values = valuesOf(table, operation, from);
    return values === null ? [] : [{ row: String(at), needs: places.get(values) ?? null }];
  });
}

/**
 * Returns the values that an operation writes to columns, as one text; null when one of them is null or not written.
 */
function valuesOf(
  table: Table,
  { key, values }: WriteOperation,
  names: readonly string[],
): string | null {
  const given = names.map((name) => {
    const at = table.key.findIndex((column) => column.name === name);
    const column = table.relation.columns.find((each) => each.name === name);
    if (!column) return null;
    const value = own(values, name);
    const [text = null] =
      value === undefined
        ? texts(table.target, column, [key[at]], 'key')
        : texts(table.target, column, [value]);
    return text;
  });
  return given.includes(null) ? null : JSON.stringify(given);
}

/** Writes the operations that succeed, and returns those that are refused. */
async function apart(
  writing: Writing,
  operations: readonly WriteOperation[],
  results: Map<WriteOperation, WriteResult>,
): Promise<Refused[]> {
  const [first] = operations;
  if (first === undefined) return [];
  const { session, client } = writing;
  await session.run(client, 'SAVEPOINT apart');
  try {
    const done = await writing.write(operations);
    await session.run(client, 'RELEASE apart');
    for (const [at, operation] of operations.entries()) results.set(operation, done[at]!);
    return [];
  } catch (error) {
    if (!rowFault(error)) throw error;
    await session.run(client, 'ROLLBACK TO apart');
    if (operations.length === 1) return [{ operation: first, error }];
    const middle = Math.ceil(operations.length / 2);
    const before = await apart(writing, operations.slice(0, middle), results);
    return [...before, ...(await apart(writing, operations.slice(middle), results))];
  }
}

function mayLand(error: unknown): boolean {
  return mutual.test(rowFault(error)?.code ?? '');
}

async function resultOf(writing: Writing, { operation, error }: Refused): Promise<WriteResult> {
  const { code, message, field } = rowFault(error)!;
  const waits = mayLand(error);
  const result = { ok: false, class: 'record', code, message, ...(waits && { waits }) } as const;
  const rule = (error as pg.DatabaseError).constraint;
  if (field !== undefined) return { ...result, field };
  if (rule !== undefined) {
    const { session, client, table } = writing;
    const about = (await columnsOfRules(session, client, table.relation.from)).get(rule);
    return { ...result, ...(about !== undefined && { field: about }) };
  }
  if (!code.startsWith('22')) return result;
  const cell = await faultyCell(writing, operation);
  return cell === null
    ? result
    : { ...result, message: `${message}: ${cell.shown}`, field: cell.field };
}

/** Finds the first value of an operation that its column does not take, in a form that may be shown (R1). */
async function faultyCell(
  { session, client, table }: Writing,
  operation: WriteOperation,
): Promise<{ field: string; shown: string } | null> {
  const given = [
    ...table.key.map((column, at) => [column, operation.key[at], 'key'] as const),
    ...table.relation.columns.map(
      (column) => [column, own(operation.values, column.name), 'field'] as const,
    ),
  ];
  for (const [column, value, role] of given) {
    const [text = null] = texts(table.target, column, [value], role);
    if (text === null || (await takes(session, client, column, text))) continue;
    return { field: column.name, shown: shapeOf(text, text.length) };
  }
  return null;
}

async function takes(
  session: Session,
  client: pg.PoolClient,
  column: Column,
  text: string,
): Promise<boolean> {
  const long = tooLong([{ column, value: '$1::text' }]);
  await session.run(client, 'SAVEPOINT cell');
  try {
    const { rows } = await session.run(
      client,
      `SELECT ($1::text)::${column.native} IS NULL, ${long} AS long`,
      [text],
    );
    return rows[0]?.['long'] == null;
  } catch (error) {
    if (!rowFault(error)) throw error;
    return false;
  } finally {
    await session.run(client, 'ROLLBACK TO cell');
  }
}
