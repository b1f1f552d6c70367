import { distance } from 'fastest-levenshtein';

/** The candidate most like `name`; undefined where none is like it enough to be meant. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const wanted = name.toLowerCase();
  const ranked = candidates
    .map((candidate) => ({ candidate, apart: distance(wanted, candidate.toLowerCase()) }))
    .toSorted((a, b) => a.apart - b.apart);
  const best = ranked[0];
  return best && best.apart <= Math.max(2, Math.ceil(name.length / 3)) ? best.candidate : undefined;
}

/** A hint for an unknown name: what may have been meant, else what there is. */
export function hintFor(name: string, candidates: readonly string[]): string | undefined {
  const near = nearest(name, candidates);
  if (near !== undefined) return `did you mean ${near}?`;
  return candidates.length === 0 ? undefined : `known: ${candidates.join(', ')}`;
}
