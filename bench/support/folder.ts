import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];

/** A new folder that the Postgres user may pass through, until the bench ends. */
export function newFolder(): string {
  if (made.length === 0)
    process.on('exit', () => {
      for (const folder of made) remove(folder);
    });
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  chmodSync(folder, 0o755);
  made.push(folder);
  return folder;
}

/** Removes a folder. Retries, because the process that used it was killed just now and may not be gone yet. */
function remove(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    console.error(`${folder} is left: ${(error as Error).message}`);
  }
}
