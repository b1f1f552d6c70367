import type { AuthoritySpec } from '../../model/entity.ts';
import { manualSource, type GoldenRecord, type Provenance } from '../../model/golden-record.ts';
import { isEmpty } from './same.ts';
import { compareTimes } from './source-time.ts';

/** The rule that decides which source's value a field keeps. */
export type Authority =
  | { readonly by: 'only' | 'latest' }
  | { readonly by: 'ranked'; readonly ranks: Ranks; readonly standing: boolean }
  | { readonly by: 'owner'; readonly owner: string };

/** The ranks of sources, 0 the best. A source that is not listed ranks after all listed ones. */
export type Ranks = ReadonlyMap<string, number>;

/** What a record holds, and of which systems it has ids. */
interface Held extends Pick<GoldenRecord, 'setBy' | 'values'> {
  has(system: string): boolean;
}

type Stated = Pick<Provenance, 'source' | 'at'>;

/**
 * Compiles the authority of one field.
 * @param spec undefined when only one source sets the field
 */
export function compileAuthority(spec: AuthoritySpec | undefined): Authority {
  if (spec === undefined) return { by: 'only' };
  if (spec === 'latest') return { by: 'latest' };
  if ('owner' in spec) return { by: 'owner', owner: spec.owner };
  return { by: 'ranked', ranks: ranksOf(spec.ranked), standing: spec.standing ?? false };
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
 * True when a value that a source sets replaces the present one. No source replaces what a person set by hand.
 * @param present what {@link presentOrigin} returns
 * @param next the origin of the new value, set in this cycle
 */
export function accepts(
  authority: Authority,
  present: Provenance | undefined,
  next: Provenance,
): boolean {
  if (present?.source === manualSource) return false;
  switch (authority.by) {
    case 'owner':
      return next.source === authority.owner && !outdated(present, next);
    case 'only':
      return !outdated(present, next);
    case 'latest':
      return present === undefined || compareTimes(next.at, present.at) >= 0;
    default:
      if (present === undefined) return true;
      return authority.standing
        ? acceptsStanding(authority.ranks, present, next)
        : acceptsRanked(authority.ranks, present, next);
  }
}

/**
 * Returns the origin of the value that a new one has to replace; undefined when there is none. A value with a standing
 * rank counts as long as it is not empty and the record still has an id of its source.
 */
export function presentOrigin(
  authority: Authority,
  field: string,
  record: Held,
): Provenance | undefined {
  const present = record.setBy[field];
  if (authority.by !== 'ranked' || !authority.standing || present === undefined) return present;
  const { source } = present;
  const counts = source === manualSource || (!isEmpty(record.values[field]) && record.has(source));
  return counts ? present : undefined;
}

/** Returns the origin that a field gets with an accepted value: `next`, and for a ranked field what it is set over. */
export function originOf(
  authority: Authority,
  present: Provenance | undefined,
  next: Provenance,
): Provenance {
  if (authority.by !== 'ranked' || authority.standing || present === undefined) return next;
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

/** With a standing rank the worse ranked source never replaces a value of the better one, and times do not count. */
function acceptsStanding(ranks: Ranks, present: Provenance, next: Provenance): boolean {
  const behind = rankOf(ranks, next.source) - rankOf(ranks, present.source);
  return behind === 0 ? isNewer(ranks, next, present) : behind < 0;
}

/** True when a value is not older than another; at the same time the better ranked one counts as newer. */
function isNewer(ranks: Ranks, next: Stated, than: Stated): boolean {
  if (next.at === null || than.at === null) return true;
  const order = compareTimes(next.at, than.at);
  return order > 0 || (order === 0 && rankOf(ranks, next.source) <= rankOf(ranks, than.source));
}
