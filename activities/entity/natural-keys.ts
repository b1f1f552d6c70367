import type { MatchPart } from '../../src/model/entity.ts';
import type { KeyedDestination } from '../../src/connectors/contract/records.ts';
import type { Mapping } from '../../src/engine/mapping/mapping.ts';
import type { Match } from '../../src/model/match.ts';
import { own } from '../../src/model/own.ts';
import { keyFields } from '../../src/model/sync.ts';
import type { Delivery } from './delivery.ts';

/** Destination fields by which a record without an id there can be found. */
interface FoundBy {
  readonly key: readonly string[];
  readonly match: Match;
  /** True for the key that the entity names; false for one that a rule of `attach` gives. */
  readonly declared: boolean;
}

const exactly: Match = { caseInsensitive: false, trim: false };

/**
 * Returns the keys by which a destination can find a record whose id there is not known: the one that the entity names,
 * then, where the system is a source too and finds records by any field, its rules of `attach`. A record that someone made
 * there a moment ago is then found by the rule by which it would attach, and gets no copy. A rule counts when each of
 * its parts is a field that the destination holds as a copy, all compared alike.
 */
export function naturalKeys(
  { entity, system }: Pick<Delivery, 'entity' | 'system'>,
  mapping: Pick<Mapping, 'entries'>,
  { findsByAnyField }: Pick<KeyedDestination, 'findsByAnyField'>,
): FoundBy[] {
  const { sources, destinations } = entity.spec;
  const named = own(destinations, system)?.destination.key;
  const declared =
    named === undefined ? [] : [{ key: keyFields(named), match: exactly, declared: true }];
  if (findsByAnyField !== true) return declared;
  const rules = own(sources, system)?.attach ?? [];
  return [...declared, ...rules.flatMap((parts) => keyOfRule(parts, mapping) ?? [])];
}

function keyOfRule(
  parts: readonly MatchPart[],
  { entries }: Pick<Mapping, 'entries'>,
): FoundBy | null {
  const key: string[] = [];
  const matches: Match[] = [];
  for (const part of parts) {
    if (typeof part === 'object' && 'expr' in part) return null;
    const { field, ...match } = typeof part === 'string' ? { field: part } : part;
    const copy = entries.find(
      (entry) => 'from' in entry && entry.from === field && entry.path === undefined,
    );
    if (copy === undefined) return null;
    key.push(copy.to);
    matches.push({ ...exactly, ...match });
  }
  const [match = exactly] = matches;
  const isAlike = matches.every(
    ({ caseInsensitive, trim }) => caseInsensitive === match.caseInsensitive && trim === match.trim,
  );
  return isAlike ? { key, match, declared: false } : null;
}
