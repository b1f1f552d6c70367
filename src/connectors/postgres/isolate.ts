import type pg from 'pg';
import { isRecordState, rowFault } from './failures.ts';
import { literal } from './names.ts';
import type { Session } from './session.ts';

/** A set statement that some of its rows may spoil. */
export interface Guarded {
  readonly session: Session;
  readonly client: pg.PoolClient;
  /** The statement over all rows. */
  readonly whole: string;
  /** The same over the rows `ANY($1::tid[])`. */
  readonly some: string;
  /** A query for the rows, as `row`. */
  readonly rows: string;
  /** The table that takes the rows at fault. */
  readonly faults: string;
}

const pieceSize = 1000;

/**
 * Runs a set statement. If a row spoils it, it runs again in pieces, and a spoilt piece row by row inside the
 * database, so that the rows at fault stand alone in `faults` and all others are done.
 * @returns the rows done, and whether `faults` holds any
 */
export async function isolate(guarded: Guarded): Promise<{ done: number; faulty: boolean }> {
  const { session, client } = guarded;
  const whole = await attempt(guarded, guarded.whole);
  if (whole !== null) return { done: whole, faulty: false };
  await session.run(
    client,
    `CREATE TABLE IF NOT EXISTS ${guarded.faults}
       ("row" tid, code text, message text, field text, rule text)`,
  );
  const { rows } = await session.run(client, guarded.rows);
  const all = rows.map((row) => row['row'] ?? '');
  let done = 0;
  for (let at = 0; at < all.length; at += pieceSize) {
    const piece = all.slice(at, at + pieceSize);
    done += (await attempt(guarded, guarded.some, [piece])) ?? (await oneByOne(guarded, piece));
  }
  return { done, faulty: true };
}

/** Runs a statement; null, with its effects undone, when a record spoilt it. */
export async function attempt(
  { session, client }: Pick<Guarded, 'session' | 'client'>,
  sql: string,
  values: readonly unknown[] = [],
): Promise<number | null> {
  await session.run(client, 'SAVEPOINT attempt');
  try {
    const answer = await session.run(client, sql, values);
    await session.run(client, 'RELEASE attempt');
    return answer.count;
  } catch (error) {
    if (!rowFault(error)) throw error;
    await session.run(client, 'ROLLBACK TO attempt');
    return null;
  }
}

async function oneByOne(guarded: Guarded, piece: readonly string[]): Promise<number> {
  const { session, client, faults } = guarded;
  const rows = literal(`{${piece.map((row) => `"${row}"`).join(',')}}`);
  const body = `DECLARE r tid; code text; message text; field text; rule text; context text; n bigint; done bigint := 0;
BEGIN
  FOREACH r IN ARRAY ${rows}::tid[] LOOP
    BEGIN
      EXECUTE ${literal(guarded.some)} USING ARRAY[r];
      GET DIAGNOSTICS n = ROW_COUNT;
      done := done + n;
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
        field = COLUMN_NAME, rule = CONSTRAINT_NAME, context = PG_EXCEPTION_CONTEXT;
      context := split_part(context, chr(10), 1);
      IF context LIKE '% at RAISE' THEN message := 'refused by ' || split_part(context, ' line ', 1); END IF;
      INSERT INTO ${faults} VALUES (r, code, message, field, rule);
    END;
  END LOOP;
  PERFORM set_config('sluice.done', done::text, true);
END`;
  await session.run(client, `DO ${literal(body)}`);
  const { rows: answer } = await session.run(
    client,
    `SELECT current_setting('sluice.done') AS done, f.code FROM (VALUES (1)) v
     LEFT JOIN (SELECT DISTINCT code FROM ${faults}) f ON true`,
  );
  // Only records may stand aside: a failure of the system ends the transaction.
  const system = answer.find((row) => row['code'] && !isRecordState(row['code']));
  if (system)
    await session.run(client, `DO $$BEGIN RAISE SQLSTATE ${literal(system['code'] ?? '')}; END$$`);
  return Number(answer[0]?.['done'] ?? 0);
}
