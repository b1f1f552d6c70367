import { distance } from 'fastest-levenshtein';

/** The most names that a message offers. */
const most = 3;

/** Returns up to three of `known`, those most similar to `name` first. Upper and lower case count as equal. */
export function nearestNames(name: string, known: readonly string[]): string[] {
  return ranked(name, known).map(({ candidate }) => candidate);
}

/** Returns those of {@link nearestNames} that are so similar to `name` that they may have been meant. */
export function similarNames(name: string, known: readonly string[]): string[] {
  const enough = Math.max(2, Math.floor(name.length / 2));
  return ranked(name, known)
    .filter(({ apart }) => apart <= enough)
    .map(({ candidate }) => candidate);
}

/**
 * Returns the end of a sentence about an unknown name: `; nearest: a, b`, or an empty text when no names are known.
 */
export function nearestOf(name: string, known: readonly string[]): string {
  return known.length === 0 ? '' : `; nearest: ${nearestNames(name, known).join(', ')}`;
}

function ranked(name: string, known: readonly string[]): { candidate: string; apart: number }[] {
  const wanted = name.toLowerCase();
  return known
    .map((candidate) => ({ candidate, apart: distance(wanted, candidate.toLowerCase()) }))
    .toSorted((a, b) => a.apart - b.apart)
    .slice(0, most);
}
