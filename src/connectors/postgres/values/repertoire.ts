import type pg from 'pg';
import type { Session } from '../link/session.ts';

/** The characters that texts of a database can hold, beside those of ASCII. */
export interface Repertoire {
  /** The encoding's name, such as `LATIN1`. */
  readonly encoding: string;
  readonly characters: ReadonlySet<number>;
}

/** Encodings that hold whatever UTF-8 holds. */
const complete = new Set(['UTF8', 'SQL_ASCII']);
/** Repertoires by encoding. Each is asked for once, since an encoding is the same in every database. */
const known = new Map<string, Repertoire>();

/**
 * Returns the characters that a database in `encoding` can hold; null for all. The server is asked about each
 * character, because only it knows its conversion tables.
 * @param client a connection in a transaction
 */
export async function repertoireOf(
  session: Session,
  client: pg.PoolClient,
  encoding: string,
): Promise<Repertoire | null> {
  if (complete.has(encoding)) return null;
  const held = known.get(encoding) ?? (await ask(session, client, encoding));
  known.set(encoding, held);
  return held;
}

/** Encodings of one byte have all their characters below U+3000, the others below U+30000. */
const probe = `DECLARE
  held int[] := '{}';
  utf8 bytea;
BEGIN
  FOR c IN 128..CASE pg_encoding_max_length(pg_char_to_encoding(getdatabaseencoding())) WHEN 1 THEN 12287 ELSE 196607 END LOOP
    CONTINUE WHEN c BETWEEN 55296 AND 57343;
    utf8 := CASE
      WHEN c < 2048 THEN set_byte(set_byte('\\x0000', 0, 192 | (c >> 6)), 1, 128 | (c & 63))
      WHEN c < 65536 THEN set_byte(set_byte(set_byte('\\x000000', 0, 224 | (c >> 12)), 1, 128 | ((c >> 6) & 63)), 2, 128 | (c & 63))
      ELSE set_byte(set_byte(set_byte(set_byte('\\x00000000', 0, 240 | (c >> 18)), 1, 128 | ((c >> 12) & 63)), 2, 128 | ((c >> 6) & 63)), 3, 128 | (c & 63))
    END;
    BEGIN
      PERFORM convert(utf8, 'UTF8', getdatabaseencoding());
      held := held || c;
    EXCEPTION WHEN untranslatable_character OR character_not_in_repertoire THEN
      CONTINUE;
    END;
  END LOOP;
  PERFORM set_config('sluice.characters', array_to_string(held, ','), true);
END`;

async function ask(session: Session, client: pg.PoolClient, encoding: string): Promise<Repertoire> {
  await session.run(client, `DO $probe$${probe}$probe$`);
  const { rows } = await session.run(client, `SELECT current_setting('sluice.characters') AS held`);
  const held = rows[0]?.['held'] ?? '';
  return { encoding, characters: new Set(held.split(',').map(Number)) };
}
