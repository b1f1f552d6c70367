import * as fc from 'fast-check';
import type { z } from 'zod';
import { entitySchema, type EntitySpec } from '../../../model/entity.ts';
import type { ByHand, Event } from './reference-model.ts';

/** One cycle of a history: the rules as they are declared by then, and what each source has changed. */
export interface PlannedCycle {
  readonly spec: EntitySpec;
  /** What people decide before the cycle. */
  readonly byHand: readonly ByHand[];
  /** The changed records, in the order in which the cycle reads them. */
  readonly events: readonly Event[];
}

/** Cycles over three systems whose records people edit, delete and restore. */
export interface History {
  /** The sources in their declared order. */
  readonly order: readonly string[];
  readonly cycles: readonly PlannedCycle[];
}

const systems = ['a', 'b', 'c'];
const settable = ['email', 'name', 'phone'];

type Rules = Pick<z.input<typeof entitySchema>, 'ambiguous' | 'authority' | 'deletes' | 'merge'> & {
  readonly attach: readonly (readonly (readonly string[])[])[];
};

const order = fc.shuffledSubarray(systems, { minLength: 3 });
const authority = fc.oneof(
  fc.constant('latest' as const),
  fc.record({ ranked: order, standing: fc.boolean() }),
  fc.constantFrom(...systems).map((owner) => ({ owner })),
);
const matches = fc.constantFrom<string[][][]>(
  [['email']],
  [['email'], ['phone']],
  [['upper']],
  [['email', 'name'], ['phone']],
);
const policy = fc.oneof(
  fc.constantFrom('fill' as const, 'newest' as const, 'never' as const),
  order.map((ranked) => ({ ranked })),
);
const merge = (guards: readonly number[]) =>
  fc.record({
    match: matches,
    winner: fc.oneof(
      fc.constantFrom('oldest' as const, 'newest' as const, 'complete' as const),
      order.map((ranked) => ({ ranked })),
    ),
    default: policy,
    override: fc.record({ phone: policy }, { requiredKeys: [] }),
    guard: fc.constantFrom(...guards),
  });
const rulesWith = (guards: readonly number[]): fc.Arbitrary<Rules> =>
  fc.record({
    attach: fc.array(fc.oneof(fc.constant([]), matches), { minLength: 3, maxLength: 3 }),
    authority: fc.record({ email: authority, name: authority, phone: authority }),
    ambiguous: fc.constantFrom('error', 'oldest', 'updated', 'complete'),
    deletes: fc.constantFrom('any', 'all', 'never'),
    merge: fc.option(merge(guards), { nil: undefined }),
  });

/** What a person does to one record of a system. */
interface Edit {
  readonly system: string;
  readonly id: string;
  readonly values: Readonly<Record<string, string | null | undefined>>;
  readonly deletes: boolean;
  /** By how much its time lags behind, as that of a record restored from a copy does. */
  readonly late: number;
}

const word = fc.option(
  fc.integer({ min: 0, max: 3 }).map((n) => `k${n}`),
  { freq: 8 },
);
/** Undefined: the field is not edited. */
const edited = fc.oneof(
  { weight: 2, arbitrary: word },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
const edit: fc.Arbitrary<Edit> = fc.record({
  system: fc.constantFrom(...systems),
  id: fc.integer({ min: 0, max: 4 }).map(String),
  values: fc.record({ email: edited, name: edited, phone: edited }),
  deletes: fc.integer({ min: 0, max: 6 }).map((die) => die === 0),
  late: fc.integer({ min: 0, max: 9 }).map((die) => (die === 0 ? 4 : 0)),
});

const byHand: fc.Arbitrary<ByHand> = fc.record({
  nth: fc.nat(9),
  field: fc.constantFrom(...settable),
  value: edited,
});

/**
 * Makes histories of up to five cycles. Rules change in one cycle of four; a deleted record that is edited again is
 * restored under its id.
 * @param guards the values of `merge.guard` to choose from
 */
export function histories(guards: readonly number[]): fc.Arbitrary<History> {
  const rules = rulesWith(guards);
  return fc
    .record({
      order,
      rules,
      // The clocks of systems differ.
      behind: fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 3, maxLength: 3 }),
      cycles: fc.array(
        fc.record({
          edits: fc.array(edit, { maxLength: 14 }),
          byHand: fc.array(byHand, { maxLength: 2 }),
          rules: fc.option(rules, { freq: 3 }),
        }),
        { minLength: 1, maxLength: 5 },
      ),
    })
    .map(({ order: sources, rules: first, behind, cycles }) => {
      const tables = new Map<string, Event>();
      let clock = 30;
      let declared = first;
      return {
        order: sources,
        cycles: cycles.map(({ edits, byHand: decided, rules: changed }) => {
          declared = changed ?? declared;
          const touched = new Set<string>();
          for (const { system, id, values, deletes, late } of edits) {
            clock += 1;
            const key = `${system} ${id}`;
            const before = tables.get(key);
            if (before === undefined && deletes) continue;
            const held = before?.deleted === false ? before.values : {};
            const given = Object.entries(values).flatMap(([field, value]) =>
              value === undefined ? [] : [[field, value] as const],
            );
            tables.set(key, {
              source: system,
              id,
              at: clock - late - (behind[systems.indexOf(system)] ?? 0),
              values: deletes ? {} : { ...held, ...Object.fromEntries(given) },
              deleted: deletes,
            });
            touched.add(key);
          }
          const events = [...touched].flatMap((key) => tables.get(key) ?? []);
          return {
            spec: specOf(declared, sources),
            byHand: decided,
            events: sources.flatMap((name) =>
              events.filter(({ source }) => source === name).toSorted(byTime),
            ),
          };
        }),
      };
    });
}

function byTime(a: Event, b: Event): number {
  return a.at - b.at || (a.id < b.id ? -1 : 1);
}

function specOf({ attach, ...more }: Rules, sources: readonly string[]): EntitySpec {
  const declared = sources.map((name) => {
    const own = attach[systems.indexOf(name)] ?? [];
    const source = {
      source: { connection: 'served', stream: name, id: 'id', watermark: 'at', full: true },
      ...(own.length > 0 && { attach: own }),
      fields: Object.fromEntries(settable.map((field) => [field, field])),
      deleted: 'gone',
    };
    return [name, source];
  });
  return entitySchema.parse({
    fields: {
      email: 'text',
      name: 'text',
      phone: 'text',
      upper: { type: 'text', expr: 'upper(email)' },
    },
    sources: Object.fromEntries(declared),
    ...more,
  });
}

/**
 * Returns the settings of a property's runs: `SLUICE_MODEL_SEED` repeats a failing one, as `seed` or `seed/path`, both
 * as fast-check prints them.
 */
export function seeded(numRuns: number): fc.Parameters<unknown> {
  const [seed, path] = (process.env['SLUICE_MODEL_SEED'] ?? '').split('/');
  if (seed === undefined || seed === '') return { numRuns };
  return { numRuns, seed: Number(seed), ...(path !== undefined && { path }) };
}
