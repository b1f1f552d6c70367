import { existsSync, readFileSync } from 'node:fs';

/** The version in package.json, which is beside the sources or above the build. */
export const version: string = read();

function read(): string {
  const places = ['../../package.json', '../../../package.json'].map(
    (path) => new URL(path, import.meta.url),
  );
  const found = places.find((place) => existsSync(place));
  return found === undefined
    ? '0.0.0'
    : (JSON.parse(readFileSync(found, 'utf8')) as { version: string }).version;
}
