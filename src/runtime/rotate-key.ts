import { randomBytes } from 'node:crypto';
import { ConfigError } from '../model/failure.ts';
import { encryptionKeys, openDataDir, writeEncryptionKeys } from './data-dir.ts';
import { startEmbeddedPostgres } from './embedded/postgres.ts';
import type { EncryptionKeys } from './encryption-key.ts';
import { logger } from './log.ts';
import { readSettings } from './settings.ts';
import { openState } from './state.ts';

/** The result of a rotation. */
export interface Rotation {
  /** The number of values that another key had encrypted. */
  readonly resealed: number;
  /** The place of the current key. */
  readonly keys: 'environment' | 'data directory';
}

/**
 * Encrypts the whole state with the current key. With `SLUICE_ENCRYPTION_KEY` that is its first key, and servers and
 * workers that know both keys may keep running. Without it the data directory gets a new key, and must not be in use.
 * An interrupted rotation continues where it stopped.
 * @throws ConfigError `wrong_encryption_key`, `retired_key_in_use`, `missing_setting`, `data_dir_in_use`
 */
export async function rotateKey({ dataDir }: { dataDir: string }): Promise<Rotation> {
  const { databaseUrl, encryptionKeys: given } = readSettings();
  if (databaseUrl !== undefined) {
    if (given === undefined) throw noKeys();
    return { resealed: await resealAll(databaseUrl, given), keys: 'environment' };
  }
  const dir = openDataDir(dataDir);
  try {
    const keys = given ?? renewed(dir.path);
    const postgres = await startEmbeddedPostgres({
      dir: dir.path,
      log: (line) => logger.debug(line),
    });
    try {
      const resealed = await resealAll(postgres.url, keys);
      if (given !== undefined) return { resealed, keys: 'environment' };
      writeEncryptionKeys(dir.path, [keys[0]]);
      return { resealed, keys: 'data directory' };
    } finally {
      await postgres.stop();
    }
  } finally {
    dir.release();
  }
}

/** Puts a new key before the present one. The file keeps both until everything is encrypted with the new one. */
function renewed(dir: string): EncryptionKeys {
  const keys = encryptionKeys(dir);
  if (keys.length > 1) return keys;
  const both = [randomBytes(32), ...keys] as const;
  writeEncryptionKeys(dir, both);
  return both;
}

async function resealAll(databaseUrl: string, keys: EncryptionKeys): Promise<number> {
  const state = await openState(databaseUrl, keys);
  try {
    return await state.reseal();
  } finally {
    await state.close();
  }
}

function noKeys(): ConfigError {
  return new ConfigError(
    'missing_setting',
    'set SLUICE_ENCRYPTION_KEY to the new key, a comma, and the key in use (or the content of the file key of the data directory), for every server and worker first, then for this command',
  );
}
