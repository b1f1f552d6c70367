import type pg from 'pg';
import { editedCode } from '../../../model/outcome.ts';
import type { Column } from '../catalog/catalog.ts';
import { literal } from '../catalog/names.ts';
import type { Session } from '../link/session.ts';

/** Refusals without an error: a trigger or rule of the table dropped the record, or it no longer exists. */
export const notCreated = { code: 'not_created', message: 'the table did not take the record' };
export const notUpdated = { code: 'not_updated', message: 'the table did not take the change' };
export const edited = {
  code: editedCode,
  message: 'the record was edited since it was read',
};
export const notFound = { code: 'not_found', message: 'the record does not exist any more' };

/** The most characters of a value's shape that are shown. */
export const longestShape = 24;

/**
 * Describes a value in a form that may be shown in a message (R1): its length and its shape, with `a` for every letter
 * and `9` for every digit.
 * @param start its first characters
 * @param length of the whole, in characters
 */
export function shapeOf(start: string, length: number): string {
  if (length === 0)
    return 'an empty text, which a file source reads as null with "emptyAsNull: true"';
  const shape = start
    .slice(0, longestShape)
    .replaceAll(/\p{L}/gu, 'a')
    .replaceAll(/\p{N}/gu, '9')
    .replaceAll(/[^a9\p{P}\p{S} ]/gu, '?');
  const more = length > longestShape ? '…' : '';
  return `a value of ${length} ${length === 1 ? 'character' : 'characters'} like '${shape}${more}'`;
}

/** Returns the most characters, or bits, that a column takes; null for no limit. */
export function lengthLimit({ native }: Column): number | null {
  const limit = /^(character|bit)( varying)?\((\d+)\)$/.exec(native)?.[3];
  return limit === undefined ? null : Number(limit);
}

/** Returns SQL for the name of the first of some columns that a value is too long for, else NULL. */
export function tooLong(values: readonly { column: Column; value: string }[]): string {
  const tests = values.flatMap(({ column, value }) => {
    const limit = lengthLimit(column);
    // PostgreSQL silently cuts spaces at the end.
    const length = `char_length(rtrim((${value})::text, ' '))`;
    return limit === null ? [] : [`WHEN ${length} > ${limit} THEN ${literal(column.name)}`];
  });
  return tests.length === 0 ? 'NULL::text' : `CASE ${tests.join(' ')} END`;
}

/** Returns the columns of constraints and unique indexes that are about one column each, by the constraint's name. */
export async function columnsOfRules(
  session: Session,
  client: pg.ClientBase,
  target: string,
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await session.run(
    client,
    `SELECT r.rule, a.attname AS field FROM (
       SELECT c.conname AS rule, c.conkey[1] AS num FROM pg_constraint c
         WHERE c.conrelid = $1::regclass AND cardinality(c.conkey) = 1
       UNION SELECT x.relname, i.indkey[0] FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
         WHERE i.indrelid = $1::regclass AND i.indnkeyatts = 1) r
     JOIN pg_attribute a ON a.attrelid = $1::regclass AND a.attnum = r.num`,
    [target],
  );
  return new Map(rows.map((row) => [row['rule'] ?? '', row['field'] ?? '']));
}
