import { writeFileSync } from 'node:fs';

const folder = new URL('../../test/replay/histories/', import.meta.url);

/** Keeps a history for the replay test. */
export function save(name: string, history: Uint8Array): void {
  // Encoded, as the SDK's own JSON form of a history depends on how npm has laid out its packages.
  const file = { name, history: Buffer.from(history).toString('base64') };
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(file)}\n`);
}
