import { asciiJson } from '../values/ascii-json.ts';

/**
 * What became of a chunk, as a marker keeps it: a text within JSON. It may name a key that the database itself cannot
 * hold.
 */
export function keptResult(result: unknown): string {
  return JSON.stringify(asciiJson(result));
}

/** The result that a marker keeps; older ones are JSON themselves. */
export function resultOf(kept: string): unknown {
  const value: unknown = JSON.parse(kept);
  return typeof value === 'string' ? JSON.parse(value) : value;
}
