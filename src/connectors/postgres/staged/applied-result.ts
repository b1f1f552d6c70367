import { asciiJson } from '../values/ascii-json.ts';

/**
 * Returns the result of a chunk as its marker keeps it: a JSON string of ASCII that holds JSON. So it may name a key
 * that the database's encoding cannot hold.
 */
export function keptResult(result: unknown): string {
  return JSON.stringify(asciiJson(result));
}

/** Reads the result that a marker keeps. Older markers hold the JSON itself. */
export function resultOf(kept: string): unknown {
  const value: unknown = JSON.parse(kept);
  return typeof value === 'string' ? JSON.parse(value) : value;
}
