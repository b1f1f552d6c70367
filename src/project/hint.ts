import { meant } from '../model/nearest.ts';

/** A hint for an unknown name: what may have been meant, else what there is. */
export function hintFor(name: string, candidates: readonly string[]): string | undefined {
  const [near] = meant(name, candidates);
  if (near !== undefined) return `did you mean ${near}?`;
  return candidates.length === 0 ? undefined : `known: ${candidates.join(', ')}`;
}
