/** The operators that compare the values of a type, in SQL with their schema. */
export interface Operators {
  readonly equal: string;
  readonly greater: string;
  readonly atLeast: string;
  readonly atMost: string;
}

/**
 * Returns a LATERAL subquery for the operators of a type's default B-tree class, which ORDER BY, PARTITION BY and
 * unique indexes use. Its columns are `schema`, `equal`, `greater`, `at_least` and `at_most`, all null for a type
 * without such a class. A bare `=` would be looked up on the `search_path`, and can be another operator when an
 * extension's types are in a schema of their own. The class is found as PostgreSQL's `GetDefaultOpClass` finds it: for
 * the type itself, else for the pseudo-type that it belongs to, else for a type that it can stand for without a cast.
 * @param type alias of a row of `pg_type`, not of a domain
 */
export function defaultOperators(type: string): string {
  return `LATERAL (SELECT min(n.nspname) AS schema,
      min(p.oprname) FILTER (WHERE m.amopstrategy = 3) AS equal,
      min(p.oprname) FILTER (WHERE m.amopstrategy = 5) AS greater,
      min(p.oprname) FILTER (WHERE m.amopstrategy = 4) AS at_least,
      min(p.oprname) FILTER (WHERE m.amopstrategy = 2) AS at_most
    FROM (SELECT c.opcfamily, c.opcintype FROM pg_opclass c JOIN pg_type i ON i.oid = c.opcintype
        WHERE c.opcdefault AND c.opcmethod = (SELECT oid FROM pg_am WHERE amname = 'btree')
          AND (c.opcintype = ${type}.oid OR c.opcintype = CASE ${type}.typtype WHEN 'e' THEN 'anyenum'::regtype
              WHEN 'r' THEN 'anyrange' WHEN 'm' THEN to_regtype('anymultirange')
              ELSE CASE WHEN ${type}.typcategory = 'A' THEN 'anyarray'::regtype END END
            OR EXISTS (SELECT FROM pg_cast WHERE castsource = ${type}.oid AND casttarget = c.opcintype
              AND castmethod = 'b' AND castcontext = 'i'))
        ORDER BY c.opcintype = ${type}.oid DESC, i.typtype = 'p' DESC, i.typispreferred DESC LIMIT 1) c
      JOIN pg_amop m ON m.amopfamily = c.opcfamily AND m.amoplefttype = c.opcintype AND m.amoprighttype = c.opcintype
      JOIN pg_operator p ON p.oid = m.amopopr JOIN pg_namespace n ON n.oid = p.oprnamespace)`;
}
