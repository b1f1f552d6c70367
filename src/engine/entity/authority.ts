import type { AuthoritySpec } from '../../model/entity.ts';
import type { Provenance } from '../../model/golden-record.ts';
import { compareTimes } from './source-time.ts';

/** Who decides a field. */
export type Authority =
  | { readonly by: 'only' | 'latest' }
  | { readonly by: 'ranked'; readonly ranks: Ranks }
  | { readonly by: 'owner'; readonly owner: string };

/** Places of sources, best first; a source that is not listed comes last. */
export type Ranks = ReadonlyMap<string, number>;

/** @param spec undefined where only one source sets the field */
export function compileAuthority(spec: AuthoritySpec | undefined): Authority {
  if (spec === undefined) return { by: 'only' };
  if (spec === 'latest') return { by: 'latest' };
  if ('owner' in spec) return { by: 'owner', owner: spec.owner };
  return { by: 'ranked', ranks: ranksOf(spec.ranked) };
}

/** The ranks of sources that are listed best first. */
export function ranksOf(sources: readonly string[]): Ranks {
  return new Map(sources.map((source, rank) => [source, rank]));
}

/** The place of a source: 0 is the best. */
export function rankOf(ranks: Ranks, source: string): number {
  return ranks.get(source) ?? ranks.size;
}

/**
 * Whether a value that a source sets takes the place of the present one.
 * @param present who set the present value; undefined where nobody did
 * @param next who sets the new one, in this cycle
 */
export function accepts(
  authority: Authority,
  present: Provenance | undefined,
  next: Provenance,
): boolean {
  switch (authority.by) {
    case 'owner':
      return next.source === authority.owner && !outdated(present, next);
    case 'only':
      return !outdated(present, next);
    case 'latest':
      return present === undefined || compareTimes(next.at, present.at) >= 0;
    default:
      return present === undefined || acceptsRanked(authority.ranks, present, next);
  }
}

/** Times of other sources say nothing where one source alone decides: a source that set the field before has no say. */
function outdated(present: Provenance | undefined, next: Provenance): boolean {
  return present?.source === next.source && compareTimes(next.at, present.at) < 0;
}

function acceptsRanked(ranks: Ranks, present: Provenance, next: Provenance): boolean {
  const behind = rankOf(ranks, next.source) - rankOf(ranks, present.source);
  if (present.cycle === next.cycle && present.source !== next.source && behind !== 0)
    return behind < 0;
  // Ranks decide within a cycle; between cycles what comes later is newer, unless the sources say otherwise.
  if (next.at === null || present.at === null) return true;
  const order = compareTimes(next.at, present.at);
  return order > 0 || (order === 0 && behind <= 0);
}
