import { distance } from 'fastest-levenshtein';

/** A sentence that names the up to three known names closest to `name`; empty where none are known. */
export function nearest(name: string, known: readonly string[]): string {
  if (known.length === 0) return '';
  const wanted = name.toLowerCase();
  const sorted = known
    .map((each) => ({ each, far: distance(wanted, each.toLowerCase()) }))
    .toSorted((a, b) => a.far - b.far);
  const names = sorted.slice(0, 3).map(({ each }) => `"${each}"`);
  return `; nearest: ${names.join(', ')}`;
}
