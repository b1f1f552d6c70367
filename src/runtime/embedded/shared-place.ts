import { createHash } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../../model/failure.ts';

/**
 * Returns a folder of ours that other users can pass through; equal subjects (usually paths) give the same folder. It
 * is used when Postgres runs as another user who cannot reach the intended folder.
 * @throws ConfigError `shared_place_taken` when someone else created a folder of that name
 */
export function sharedPlace(subject: string): string {
  const root = existsSync('/var/tmp') ? '/var/tmp' : tmpdir();
  const place = join(
    root,
    `sluice-${createHash('sha256').update(subject).digest('hex').slice(0, 12)}`,
  );
  try {
    mkdirSync(place);
    // Restores the permissions that the umask takes away.
    chmodSync(place, 0o711);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const stat = lstatSync(place);
  if (!stat.isDirectory() || stat.uid !== process.getuid?.()) {
    throw new ConfigError(
      'shared_place_taken',
      `${place} belongs to someone else; remove it or choose another --data-dir.`,
    );
  }
  return place;
}
