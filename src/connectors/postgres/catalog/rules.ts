import type pg from 'pg';
import type { Session } from '../link/session.ts';

/** A foreign key. */
export interface Reference {
  readonly name: string;
  /** The columns that refer, and the columns that they refer to, in the same order. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** The SQL that names the other relation in a FROM clause. */
  readonly other: string;
  /** True when the relation refers to itself. */
  readonly self: boolean;
}

/** A CHECK constraint. */
export interface Check {
  readonly columns: readonly string[];
  /** SQL over the bare column names. */
  readonly condition: string;
}

/** The rules by which a relation refuses rows. */
export interface Rules {
  /**
   * `outgoing`: the relation's own foreign keys. `incoming`: foreign keys of others to it that forbid deleting a record
   * they refer to.
   */
  readonly outgoing: readonly Reference[];
  readonly incoming: readonly Reference[];
  readonly checks: readonly Check[];
}

/**
 * Reads the rules of a relation.
 * @param target the SQL that names the relation in a FROM clause
 */
export async function rulesOf(
  session: Session,
  client: pg.PoolClient,
  target: string,
): Promise<Rules> {
  const { rows } = await session.run(
    client,
    `SELECT c.conname AS name, c.contype AS kind, c.conrelid = $1::regclass AS outgoing, c.conrelid = c.confrelid AS self,
       coalesce(c.confrelid = $1::regclass AND c.confdeltype IN ('a', 'r'), false) AS incoming,
       CASE WHEN c.conrelid = $1::regclass THEN c.confrelid ELSE c.conrelid END::regclass AS other,
       ${namesOf('c.conrelid', 'c.conkey')} AS own, ${namesOf('c.confrelid', 'c.confkey')} AS far,
       CASE c.contype WHEN 'c' THEN pg_get_expr(c.conbin, c.conrelid) END AS condition
     FROM pg_constraint c WHERE c.contype = 'f' AND $1::regclass IN (c.conrelid, c.confrelid)
       OR c.contype = 'c' AND c.conrelid = $1::regclass`,
    [target],
  );
  const references = rows.filter((row) => row['kind'] === 'f');
  const is = (name: string) => references.filter((row) => row[name] === 't').map(referenceOf);
  return {
    outgoing: is('outgoing'),
    incoming: is('incoming'),
    checks: rows
      .filter((row) => row['kind'] === 'c')
      .map((row) => ({ columns: list(row['own']), condition: row['condition'] ?? '' })),
  };
}

/**
 * Returns SQL for a JSON list of the names of a relation's columns.
 * @param numbers an array of their numbers
 */
function namesOf(relation: string, numbers: string): string {
  return `(SELECT json_agg(a.attname ORDER BY k.ord) FROM unnest(${numbers}) WITH ORDINALITY k(num, ord)
    JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = k.num)`;
}

function referenceOf(row: Readonly<Record<string, string | null>>): Reference {
  return {
    name: row['name'] ?? '',
    from: list(row['own']),
    to: list(row['far']),
    other: row['other'] ?? '',
    self: row['self'] === 't',
  };
}

function list(json: string | null | undefined): string[] {
  return JSON.parse(json ?? '[]') as string[];
}
