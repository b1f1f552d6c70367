import { createHmac, randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Blobs } from './blobs.ts';
import type { Database } from '../database/database.ts';
import type { KeyRing } from './key-ring.ts';
import { hashLength, keyedHash } from './keyed-hash.ts';
import { reseal } from './reseal.ts';

/** Encrypts what the state database keeps of secrets and records, and makes its keyed hashes. */
export interface Seal extends KeyRing {
  /** Seals a text; null stays null. */
  sealText(text: string | null): Buffer | null;
  /** Opens a sealed text; null stays null. */
  openText(sealed: Buffer | null): string | null;
  /** A keyed hash of 16 bytes: equal texts can be found again, the text cannot. */
  hash(text: string): Buffer;
  /** The keyed hashes of many texts. */
  hashAll(texts: readonly string[]): Blobs;
}

/**
 * Unlocks the state database: proves that the keys open it, and reads the key of its hashes, which outlives them.
 * @throws ConfigError `wrong_encryption_key`
 */
export async function openSeal(db: Database, ring: KeyRing): Promise<Seal> {
  const { rows } = await sql<{ sealed: Buffer }>`
    select distinct on (substring(settings for 4)) settings as sealed from connections`.execute(db);
  for (const { sealed } of rows) ring.keyOf(sealed);
  const hashKey = (await readHashKey(db, ring)) ?? (await makeHashKey(db, ring, rows[0]?.sealed));
  const hash = keyedHash(hashKey);
  return {
    ...ring,
    sealText: (text) => (text === null ? null : ring.seal(text)),
    openText: (sealed) => (sealed === null ? null : ring.open(sealed).toString()),
    hash,
    hashAll(texts) {
      const bytes = Buffer.allocUnsafe(texts.length * hashLength);
      for (const [at, text] of texts.entries()) hash.write(text, bytes, at * hashLength);
      return { bytes, lengths: hashLength };
    },
  };
}

async function readHashKey(db: Database, ring: KeyRing): Promise<Buffer | undefined> {
  const { rows } = await sql<{ sealed: Buffer }>`select sealed from hash_key`.execute(db);
  return rows[0] && ring.open(rows[0].sealed);
}

/**
 * The first start with this schema. A database of an earlier version, recognised by a connection, keeps the hash key
 * it had, so that its ledgers stay valid, and what it kept in the clear is sealed.
 */
async function makeHashKey(
  db: Database,
  ring: KeyRing,
  connection: Buffer | undefined,
): Promise<Buffer> {
  const made =
    connection === undefined
      ? randomBytes(32)
      : createHmac('sha256', ring.keyOf(connection)).update('sluice hash').digest();
  if (connection !== undefined) await reseal(db, ring, 'in the clear');
  await sql`insert into hash_key (sealed) values (${ring.seal(made)}) on conflict do nothing`.execute(
    db,
  );
  // Another process may have been faster.
  return (await readHashKey(db, ring)) ?? made;
}
