import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { IncomingRecord } from '../../model/golden-record.ts';
import { compareIds, recordIdOf } from './record-id.ts';
import { EntityStore } from './testing/entity-store.ts';
import { histories, seeded, type History, type PlannedCycle } from './testing/histories.ts';
import { observed } from './testing/observed.ts';
import { ReferenceModel, type Event, type Outcome } from './testing/reference-model.ts';

/** How a cycle is cut into chunks and disturbed. */
interface Course {
  /** The sizes of chunks, over and over. */
  readonly chunks: readonly number[];
  /** After how many records the cycle is interrupted and begins again; null: never. */
  readonly interrupted: number | null;
  /** True lets the interrupted cycle read everything and merge before it ends. */
  readonly merges: boolean;
}

const courses: fc.Arbitrary<Course> = fc.record({
  chunks: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 }),
  interrupted: fc.option(fc.integer({ min: 0, max: 20 })),
  merges: fc.boolean(),
});

/** Plays a history on the engine; returns the outcome of each cycle. */
function play({ cycles }: History, { chunks, interrupted, merges }: Course): Outcome[] {
  let store: EntityStore | undefined;
  return cycles.map(({ spec, byHand, events }) => {
    if (store === undefined) store = new EntityStore(spec);
    else {
      store.nextCycle();
      store.declare(spec);
    }
    for (const { nth, field, value } of byHand) {
      const live = [...store.records.keys()].toSorted(compareIds);
      const id = live[nth % live.length];
      if (id !== undefined) store.byHand(id, field, value);
    }
    // A record that matched several records is not remembered: repeated after others have attached, it may match one.
    if (interrupted !== null && spec.ambiguous !== 'error') {
      takeInChunks(store, merges ? events : events.slice(0, interrupted), chunks.toReversed());
      if (merges) store.merge();
    }
    const ambiguous = takeInChunks(store, events, chunks);
    store.merge();
    return outcomeOf(store, ambiguous);
  });
}

/** Returns the ids of the records that matched several. */
function takeInChunks(
  store: EntityStore,
  events: PlannedCycle['events'],
  sizes: readonly number[],
): string[] {
  const ambiguous: string[] = [];
  for (const source of new Set(events.map((event) => event.source))) {
    const left = events.filter((event) => event.source === source).map(incoming);
    for (let nth = 0; left.length > 0; nth += 1) {
      const { errors } = store.take(...left.splice(0, sizes[nth % sizes.length]));
      ambiguous.push(...errors.map(({ key }) => `${source} ${recordIdOf(key ?? [])}`));
    }
  }
  return ambiguous;
}

function incoming({ at, values, ...event }: Event): IncomingRecord {
  return { ...event, at: String(at), values: { ...values } };
}

function outcomeOf(store: EntityStore, ambiguous: readonly string[]): Outcome {
  return observed({
    records: [...store.records.values()].map((record) => ({ ...record, no: no(record.id) })),
    ids: [...store.sourceRecords.values()].map((held) => ({ ...held, no: no(held.record) })),
    entries: [...store.entries.values()].map((entry) => ({ ...entry, no: no(entry.record) })),
    ambiguous,
  });
}

/** Returns the number of a record from 0; the store counts from 1. */
function no(id: string): number {
  return Number(id) - 1;
}

test('cycles come out as the reference model says, however they are cut and interrupted', () => {
  const isSame = fc.property(histories([2, 3, 20]), courses, (history, course) => {
    const [first] = history.cycles;
    const model = first && new ReferenceModel(first.spec);
    const wanted = history.cycles.map(({ spec, events, byHand }) =>
      model?.declare(spec).cycle(events, byHand),
    );
    expect(play(history, course)).toEqual(wanted);
  });
  fc.assert(isSame, seeded(200));
});
