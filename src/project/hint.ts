import { similarNames } from '../model/nearest.ts';

/** Returns a hint for an unknown name: the name that was probably meant, else all known names. */
export function hintFor(name: string, candidates: readonly string[]): string | undefined {
  const [near] = similarNames(name, candidates);
  if (near !== undefined) return `did you mean ${near}?`;
  return candidates.length === 0 ? undefined : `known: ${candidates.join(', ')}`;
}
