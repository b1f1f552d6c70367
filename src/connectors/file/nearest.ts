import { distance } from 'fastest-levenshtein';

/** The end of a sentence that says which of `known` come nearest to `name`; empty if there are none. */
export function nearest(name: string, known: readonly string[]): string {
  if (known.length === 0) return '';
  const ranked = known.map((candidate) => ({ candidate, apart: distance(name, candidate) }));
  ranked.sort((a, b) => a.apart - b.apart);
  const names = ranked.slice(0, 3).map(({ candidate }) => candidate);
  return `; nearest: ${names.join(', ')}`;
}
