import type { AuthoritySpec, EntitySpec, MatchRules, MergePolicy } from '../../../model/entity.ts';

/** A value of a field, or null. */
type Value = string | null;
/** Values by field; a field that is absent is missing. */
type Values = Readonly<Record<string, Value>>;

/** A record as a source changed it. */
export interface Event {
  readonly source: string;
  readonly id: string;
  readonly at: number;
  readonly values: Values;
  readonly deleted: boolean;
}

/** What a person decides about a field of the `nth` live record (counted around): a value, or to take that back. */
export interface ByHand {
  readonly nth: number;
  readonly field: string;
  /** Undefined takes the value back that was set by hand, if one was. */
  readonly value: Value | undefined;
}

/** The origin of a value. `over` is the origin of the value that the field had when the cycle began. */
interface Origin {
  readonly source: string;
  readonly at: number;
  readonly cycle: number;
  readonly over?: Origin | undefined;
}

interface Golden {
  /** The number of its creation, from 0: the smaller, the older. */
  readonly no: number;
  updatedIn: number;
  alive: boolean;
  values: Record<string, Value>;
  origins: Record<string, Origin>;
}

/** What a system said last about one of its records, and the golden record that this belongs to. */
interface Said {
  readonly system: string;
  readonly id: string;
  golden: Golden;
  at: number;
  values: Record<string, Value>;
}

/** A value that authority did not take. */
interface Refusal {
  readonly golden: number;
  readonly field: string;
  readonly source: string;
  readonly value: Value;
}

/** All that is observed of an entity after a cycle. */
export interface Outcome {
  /** The live records. */
  readonly records: readonly {
    readonly no: number;
    /** Without fields that are null. */
    readonly values: Values;
    /** The source that each field has its value from. */
    readonly setBy: Readonly<Record<string, string>>;
  }[];
  /** `system id → number of the golden record`, sorted. */
  readonly ids: readonly string[];
  /** What changed in the cycle: `number field: old → new`, sorted. */
  readonly changed: readonly string[];
  /** What was refused in the cycle: `number field: source value`, sorted. */
  readonly refused: readonly string[];
  /** The ids of incoming records that matched several golden records, in order. */
  readonly ambiguous: readonly string[];
}

/**
 * An entity after DESIGN section 4, docs/entities.md and decision 0018, written to be read and not to be fast: the whole
 * state is in memory, records are taken one by one, every question is answered by looking at everything, and nothing is
 * shared with the engine. It knows rules whose parts are plain fields, texts as values, and one derived field, `upper`,
 * the upper-case `email`.
 */
export class ReferenceModel {
  #spec: EntitySpec;
  #cycle = 0;
  readonly #golden: Golden[] = [];
  readonly #said: Said[] = [];

  constructor(spec: EntitySpec) {
    this.#spec = spec;
  }

  /** Declares the entity anew; what is there stays as it is. */
  declare(spec: EntitySpec): this {
    this.#spec = spec;
    return this;
  }

  /**
   * Does one cycle over the changed records of all sources, in the order in which they are read.
   * @param byHand what people have decided since the last cycle
   */
  cycle(events: readonly Event[], byHand: readonly ByHand[] = []): Outcome {
    this.#cycle += 1;
    const before = this.#golden.map(({ values }) => ({ ...values }));
    for (const one of byHand) this.#decide(one);
    const refusals: Refusal[] = [];
    const ambiguous: string[] = [];
    for (const event of events) this.#take(event, refusals, ambiguous);
    this.#merge();
    return this.#outcome(before, refusals, ambiguous);
  }

  #take(event: Event, refusals: Refusal[], ambiguous: string[]): void {
    const said = this.#said.find(({ system, id }) => system === event.source && id === event.id);
    if (said !== undefined && event.at < said.at) return;
    if (event.deleted) {
      if (said !== undefined) this.#detach(said);
      return;
    }
    if (said !== undefined && !said.golden.alive) {
      // Its golden record was deleted: only news bring it back, and then as if it came for the first time.
      const isNews = Object.entries(event.values).some(
        ([field, value]) => value !== (said.values[field] ?? null),
      );
      if (!isNews) return;
    }
    if (said?.golden.alive === true) {
      this.#set(said.golden, event, said.values, refusals);
      said.at = event.at;
      said.values = { ...said.values, ...event.values };
      return;
    }
    const found = this.#attach(event);
    if (found === 'ambiguous') {
      ambiguous.push(`${event.source} ${event.id}`);
      return;
    }
    const golden = found ?? this.#create();
    this.#set(golden, event, {}, refusals);
    if (said !== undefined) this.#said.splice(this.#said.indexOf(said), 1);
    const { source: system, id, at, values } = event;
    this.#said.push({ system, id, golden, at, values: { ...values } });
  }

  #create(): Golden {
    const golden = {
      no: this.#golden.length,
      updatedIn: this.#cycle,
      alive: true,
      values: {},
      origins: {},
    };
    this.#golden.push(golden);
    return golden;
  }

  #detach(said: Said): void {
    this.#said.splice(this.#said.indexOf(said), 1);
    const { golden } = said;
    if (!golden.alive) return;
    const { deletes } = this.#spec;
    if (deletes === 'any' || (deletes === 'all' && this.#idsOf(golden).length === 0))
      golden.alive = false;
  }

  #idsOf(golden: Golden): Said[] {
    return this.#said.filter((said) => said.golden === golden);
  }

  /** Attach: the first rule that matches any record decides. */
  #attach({ source, values }: Event): Golden | 'ambiguous' | null {
    const probe = { ...values, upper: values['email']?.toUpperCase() ?? null };
    for (const rule of this.#spec.sources[source]?.attach ?? []) {
      const found = this.#golden.filter(
        (golden) =>
          golden.alive &&
          areEqualBy([rule], probe, golden.values) &&
          !this.#idsOf(golden).some(({ system }) => system === source),
      );
      if (found.length > 0) return this.#choose(found);
    }
    return null;
  }

  /** Several records that a merge would make one anyway count as the oldest of them. */
  #choose(found: readonly Golden[]): Golden | 'ambiguous' {
    const groups = this.#duplicatesAmong(found);
    const others = found.filter((golden) => {
      const group = groups.find((members) => members.includes(golden));
      return group === undefined || group[0] === golden;
    });
    const [oldest] = others;
    if (oldest === undefined) throw new Error('nothing was found');
    if (others.length === 1) return oldest;
    switch (this.#spec.ambiguous) {
      case 'error':
        return 'ambiguous';
      case 'oldest':
        return oldest;
      case 'updated':
        return firstGreatest(others, ({ updatedIn }) => updatedIn);
      default:
        return firstGreatest(others, ({ values }) => filled(values));
    }
  }

  #set(golden: Golden, event: Event, last: Values, refusals: Refusal[]): void {
    let changed = false;
    for (const [field, value] of Object.entries(event.values)) {
      // A source sets a field when it gives another value than it gave last.
      if (value === (last[field] ?? null)) continue;
      const present = this.#present(golden, field);
      const next: Origin = { source: event.source, at: event.at, cycle: this.#cycle };
      if (isTaken(this.#spec.authority[field], present, next)) {
        const over = present?.cycle === this.#cycle ? present.over : present;
        golden.origins[field] = { ...next, over };
        if (value !== (golden.values[field] ?? null)) changed = true;
        golden.values[field] = value;
      } else if (value !== (golden.values[field] ?? null)) {
        refusals.push({ golden: golden.no, field, source: event.source, value });
      }
    }
    if (changed) golden.updatedIn = this.#cycle;
    this.#derive(golden);
  }

  #decide({ nth, field, value }: ByHand): void {
    const live = this.#golden.filter(({ alive }) => alive);
    const golden = live[nth % live.length];
    if (golden === undefined) return;
    if (value !== undefined) {
      golden.values[field] = value;
      golden.origins[field] = { source: 'manual', at: 0, cycle: this.#cycle };
    } else if (golden.origins[field]?.source === 'manual') this.#takeBack(golden, field);
    else return;
    golden.updatedIn = this.#cycle;
    this.#derive(golden);
  }

  /** Of what the sources said last, authority decides: the owner, the best ranked, else the newest. */
  #takeBack(golden: Golden, field: string): void {
    const authority = this.#spec.authority[field];
    const sources = Object.keys(this.#spec.sources);
    const ranks =
      typeof authority === 'object' && 'ranked' in authority
        ? authority.ranked
        : sources.map(() => '');
    const [best] = this.#idsOf(golden)
      .filter(({ values }) => (values[field] ?? '') !== '')
      .filter(({ system }) =>
        typeof authority === 'object' && 'owner' in authority ? system === authority.owner : true,
      )
      .toSorted(
        (a, b) =>
          rankIn(ranks, a.system) - rankIn(ranks, b.system) ||
          b.at - a.at ||
          sources.indexOf(a.system) - sources.indexOf(b.system) ||
          (a.id < b.id ? -1 : 1),
      );
    delete golden.values[field];
    delete golden.origins[field];
    if (best === undefined) return;
    golden.values[field] = best.values[field] ?? null;
    golden.origins[field] = { source: best.system, at: best.at, cycle: this.#cycle };
  }

  /** A value with a standing rank counts while it is not empty and the record has an id of its source. */
  #present(golden: Golden, field: string): Origin | undefined {
    const present = golden.origins[field];
    const authority = this.#spec.authority[field];
    if (typeof authority !== 'object' || !('ranked' in authority) || !authority.standing)
      return present;
    if (present?.source === 'manual') return present;
    const isSaid = this.#idsOf(golden).some(({ system }) => system === present?.source);
    return isSaid && (golden.values[field] ?? '') !== '' ? present : undefined;
  }

  #derive({ values, origins }: Golden): void {
    const upper = values['email']?.toUpperCase() ?? null;
    if (upper === (values['upper'] ?? null)) return;
    values['upper'] = upper;
    origins['upper'] = { source: '_', at: 0, cycle: this.#cycle };
  }

  #merge(): void {
    if (this.#spec.merge === undefined || this.#spec.merge.report) return;
    for (;;) {
      const groups = this.#duplicatesAmong(this.#golden.filter(({ alive }) => alive));
      if (groups.length === 0) return;
      for (const group of groups) this.#mergeGroup(group);
    }
  }

  /**
   * Groups of records that merge rules make one, each with its oldest first: linked by pairs, where those equal by the
   * same values of a rule are not more than the guard allows, and neither is the group.
   */
  #duplicatesAmong(records: readonly Golden[]): Golden[][] {
    const { merge } = this.#spec;
    if (merge === undefined || merge.report) return [];
    const linked = (a: Golden, b: Golden): boolean =>
      merge.match.some(
        (rule) =>
          areEqualBy([rule], a.values, b.values) &&
          records.filter((one) => areEqualBy([rule], a.values, one.values)).length <= merge.guard,
      );
    const groups: Golden[][] = [];
    for (const record of records) {
      const touching = groups.filter((group) => group.some((member) => linked(member, record)));
      for (const group of touching) groups.splice(groups.indexOf(group), 1);
      groups.push([...touching.flat(), record].toSorted((a, b) => a.no - b.no));
    }
    return groups
      .filter((group) => group.length > 1 && group.length <= merge.guard)
      .toSorted(([a], [b]) => (a?.no ?? 0) - (b?.no ?? 0));
  }

  #mergeGroup(group: readonly Golden[]): void {
    const { merge } = this.#spec;
    if (merge === undefined) return;
    const winner = this.#winner(group, merge.winner);
    const losers = group.filter((golden) => golden !== winner);
    for (const field of Object.keys(this.#spec.fields)) {
      if (typeof this.#spec.fields[field] === 'object') continue;
      if (isByHand(winner, field)) continue;
      const policy = merge.override?.[field] ?? merge.default;
      const authority = this.#spec.authority[field];
      let best = winner;
      for (const loser of losers) {
        if (isByHand(best, field)) break;
        if (isByHand(loser, field)) {
          const fills = (winner.values[field] ?? '') === '' && (loser.values[field] ?? '') !== '';
          if (fills) best = loser;
          continue;
        }
        if (policy === 'never') continue;
        if (typeof authority === 'object' && 'owner' in authority)
          if (loser.origins[field]?.source !== authority.owner) continue;
        if (isBetter(policy, field, loser, best)) best = loser;
      }
      const origin = best.origins[field];
      if (best === winner || origin === undefined) continue;
      winner.values[field] = best.values[field] ?? null;
      winner.origins[field] = origin;
    }
    for (const loser of losers) {
      for (const said of this.#idsOf(loser)) said.golden = winner;
      loser.alive = false;
    }
    winner.updatedIn = this.#cycle;
    this.#derive(winner);
  }

  #winner(group: readonly Golden[], rule: NonNullable<EntitySpec['merge']>['winner']): Golden {
    const [oldest] = group;
    if (oldest === undefined) throw new Error('a group has records');
    if (rule === 'oldest') return oldest;
    if (rule === 'newest') return group.at(-1) ?? oldest;
    if (rule === 'complete') return firstGreatest(group, ({ values }) => filled(values));
    if (!('ranked' in rule)) throw new Error('the model knows no expressions');
    const ranks = rule.ranked;
    return firstGreatest(
      group,
      (golden) => -Math.min(...this.#idsOf(golden).map(({ system }) => rankIn(ranks, system))),
    );
  }

  #outcome(
    before: readonly Values[],
    refusals: readonly Refusal[],
    ambiguous: readonly string[],
  ): Outcome {
    const changed: string[] = [];
    for (const { no, values } of this.#golden)
      for (const field of Object.keys(this.#spec.fields)) {
        const [old, value] = [before[no]?.[field] ?? null, values[field] ?? null];
        if (old !== value) changed.push(`${no} ${field}: ${old} → ${value}`);
      }
    const last = new Map(
      refusals.map(({ golden, field, source, value }) => [`${golden} ${field}: ${source}`, value]),
    );
    return {
      records: this.#golden
        .filter(({ alive }) => alive)
        .map(({ no, values, origins }) => ({
          no,
          values: Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null)),
          setBy: Object.fromEntries(
            Object.entries(origins).map(([field, { source }]) => [field, source]),
          ),
        })),
      ids: this.#said.map(({ system, id, golden }) => `${system} ${id} → ${golden.no}`).toSorted(),
      changed: changed.toSorted(),
      refused: [...last].map(([what, value]) => `${what} ${value}`).toSorted(),
      ambiguous,
    };
  }
}

/** True when a source's value replaces the present one. */
function isTaken(
  authority: AuthoritySpec | undefined,
  present: Origin | undefined,
  next: Origin,
): boolean {
  if (present?.source === 'manual') return false;
  if (typeof authority === 'object' && 'owner' in authority) {
    if (next.source !== authority.owner) return false;
    return present?.source !== next.source || next.at >= present.at;
  }
  if (present === undefined) return true;
  if (authority === undefined) return present.source !== next.source || next.at >= present.at;
  if (authority === 'latest') return next.at >= present.at;
  const ranks = authority.ranked;
  const isNewer = (than: Origin): boolean =>
    next.at > than.at ||
    (next.at === than.at && rankIn(ranks, next.source) <= rankIn(ranks, than.source));
  if (authority.standing && present.source !== next.source) {
    const behind = rankIn(ranks, next.source) - rankIn(ranks, present.source);
    return behind === 0 ? isNewer(present) : behind < 0;
  }
  if (present.cycle !== next.cycle || present.source === next.source) return isNewer(present);
  // Both were set in this cycle: the better ranked of those that are newer than what was there before.
  const behind = rankIn(ranks, next.source) - rankIn(ranks, present.source);
  if (behind === 0) return isNewer(present);
  return behind < 0 && (present.over === undefined || isNewer(present.over));
}

function isByHand({ origins }: Golden, field: string): boolean {
  return origins[field]?.source === 'manual';
}

function rankIn(ranks: readonly string[], source: string): number {
  const rank = ranks.indexOf(source);
  return rank === -1 ? ranks.length : rank;
}

/** True when two records have the same values, none of them empty, in all fields of one of the rules. */
function areEqualBy(rules: MatchRules, a: Values, b: Values): boolean {
  return rules.some((rule) =>
    rule.every((part) => {
      if (typeof part !== 'string') throw new Error('the model knows plain fields only');
      const value = a[part] ?? '';
      return value !== '' && value === b[part];
    }),
  );
}

/** True when a merge gives the loser's value to the winner rather than the best value so far. */
function isBetter(policy: MergePolicy, field: string, loser: Golden, best: Golden): boolean {
  if ((loser.values[field] ?? '') === '') return false;
  if ((best.values[field] ?? '') === '') return true;
  const [mine, its] = [loser.origins[field], best.origins[field]];
  if (mine === undefined || its === undefined) return false;
  if (policy === 'newest') return mine.at > its.at;
  if (typeof policy === 'object')
    return rankIn(policy.ranked, mine.source) < rankIn(policy.ranked, its.source);
  return false;
}

function filled(values: Values): number {
  return Object.values(values).filter((value) => value !== null).length;
}

/** Returns the item with the greatest measure, the first of several equal ones. */
function firstGreatest<T>(items: readonly T[], measure: (item: T) => number): T {
  return items.reduce((best, item) => (measure(item) > measure(best) ? item : best));
}
