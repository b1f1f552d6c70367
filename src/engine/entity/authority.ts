import type { AuthoritySpec } from '../../model/entity.ts';
import type { Provenance } from '../../model/golden-record.ts';
import { compareTimes } from './source-time.ts';

/** The rule that decides which source's value a field keeps. */
export type Authority =
  | { readonly by: 'only' | 'latest' }
  | { readonly by: 'ranked'; readonly ranks: Ranks }
  | { readonly by: 'owner'; readonly owner: string };

/** The ranks of sources, 0 the best. A source that is not listed ranks after all listed ones. */
export type Ranks = ReadonlyMap<string, number>;

type Stated = Pick<Provenance, 'source' | 'at'>;

/**
 * Compiles the authority of one field.
 * @param spec undefined when only one source sets the field
 */
export function compileAuthority(spec: AuthoritySpec | undefined): Authority {
  if (spec === undefined) return { by: 'only' };
  if (spec === 'latest') return { by: 'latest' };
  if ('owner' in spec) return { by: 'owner', owner: spec.owner };
  return { by: 'ranked', ranks: ranksOf(spec.ranked) };
}

/** Returns the ranks of sources that are listed best first. */
export function ranksOf(sources: readonly string[]): Ranks {
  return new Map(sources.map((source, rank) => [source, rank]));
}

/** Returns the rank of a source: 0 is the best. */
export function rankOf(ranks: Ranks, source: string): number {
  return ranks.get(source) ?? ranks.size;
}

/**
 * True when a value that a source sets replaces the present one.
 * @param present the origin of the present value; undefined when there is none
 * @param next the origin of the new value, set in this cycle
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

/** Returns the origin that a field gets with an accepted value: `next`, and for a ranked field what it is set over. */
export function originOf(
  authority: Authority,
  present: Provenance | undefined,
  next: Provenance,
): Provenance {
  if (authority.by !== 'ranked' || present === undefined) return next;
  const { source, at } = present;
  const over = present.cycle === next.cycle ? present.over : { source, at };
  return over === undefined ? next : { ...next, over };
}

/**
 * True when the source's own present value is newer. Times are compared only within one source: where one source alone
 * decides, another source that set the field before does not count.
 */
function outdated(present: Provenance | undefined, next: Provenance): boolean {
  return present?.source === next.source && compareTimes(next.at, present.at) < 0;
}

/**
 * Ranks decide within a cycle, among the values that are newer than the one before the cycle: so the order in which
 * sources come changes nothing. Between cycles the later value is newer, unless the times given by the sources say
 * otherwise.
 */
function acceptsRanked(ranks: Ranks, present: Provenance, next: Provenance): boolean {
  const behind = rankOf(ranks, next.source) - rankOf(ranks, present.source);
  if (present.cycle !== next.cycle || present.source === next.source || behind === 0)
    return isNewer(ranks, next, present);
  return behind < 0 && (present.over === undefined || isNewer(ranks, next, present.over));
}

/** True when a value is not older than another; at the same time the better ranked one counts as newer. */
function isNewer(ranks: Ranks, next: Stated, than: Stated): boolean {
  if (next.at === null || than.at === null) return true;
  const order = compareTimes(next.at, than.at);
  return order > 0 || (order === 0 && rankOf(ranks, next.source) <= rankOf(ranks, than.source));
}
