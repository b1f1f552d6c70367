import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Calls } from '../../src/connectors/contract/calls.ts';
import type {
  RecordDestination,
  WriteOperation,
  WriteResult,
} from '../../src/connectors/contract/records.ts';
import type { DecidedOperation } from '../../src/engine/match/match.ts';
import { LimitedError, RejectedError, TransientError } from '../../src/model/failure.ts';
import { SupersededError } from '../../src/store/runs/fencing.ts';
import type { JournalEntry } from '../../src/store/runs/journal.ts';
import { exportOperations } from './export-operations.ts';
import { mostCallsAtOnce } from './pool.ts';
import type { KeyedWork } from '../paths/keyed/keyed-work.ts';
import { pacedCalls, type CallTerms } from '../quota/paced-calls.ts';

const sizes = fc.record({
  count: fc.integer({ min: 1, max: 300 }),
  batch: fc.integer({ min: 1, max: 100 }),
});

test('a bulk call that is rejected is split: every good record lands once, in O(bad · log n) calls', async () => {
  await fc.assert(
    fc.asyncProperty(
      sizes,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer(),
      async ({ count, batch }, share, seed) => {
        const poison = new Set(numbers(count).filter((n) => noise(seed + n) < share));
        const world = rig({
          batch,
          write: (operations) => {
            if (operations.some((operation) => poison.has(numberOf(operation))))
              throw new RejectedError('bad', 'refused');
            return landing(world, operations);
          },
        });
        const failed = await world.export(count);
        expect(new Set(failed.map(({ error }) => Number(error.key?.[0])))).toEqual(poison);
        expect(failed.every(({ error }) => error.code === 'bad')).toBe(true);
        expect(world.landed.toSorted((a, b) => a - b)).toEqual(
          numbers(count).filter((n) => !poison.has(n)),
        );
        const size = Math.min(batch, count);
        const splitting = Math.min(2 * poison.size * Math.ceil(Math.log2(size)), 2 * count);
        expect(world.calls()).toBeLessThanOrEqual(splitting + Math.ceil(count / batch));
        expect(world.journal.size).toBe(count);
      },
    ),
  );
});

test('what an answer asks to send again is sent again; what fails for ever becomes a record error', async () => {
  const tries = new Map<number, number>();
  const world = rig({
    batch: 50,
    write: (operations) =>
      operations.map((operation) => {
        const n = numberOf(operation);
        const count = (tries.get(n) ?? 0) + 1;
        tries.set(n, count);
        if (n % 50 === 1) return { ok: false, class: 'transient', code: 'http_500', message: 'm' };
        if (n % 50 === 2 && count < 7)
          return { ok: false, class: 'limited', code: 'http_429', message: 'm' };
        if (n % 50 === 3) return { ok: false, class: 'record', code: 'http_409', message: 'm' };
        world.landed.push(n);
        return { ok: true };
      }),
  });
  const failed = await world.export(200);
  expect(new Map(failed.map(({ error }) => [error.key?.[0], error.code]))).toEqual(
    new Map(
      [1, 51, 101, 151].flatMap((n) => [
        [n, 'http_500'],
        [n + 2, 'http_409'],
      ]),
    ),
  );
  expect(world.landed).toHaveLength(192);
  expect(new Set(world.landed).size).toBe(192);
  expect(tries.get(1)).toBe(5);
  // The rests of four calls are sent together.
  expect(world.calls()).toBeLessThan(4 + 12);
}, 60_000);

test('what waits for other records is sent again as long as any is written, then it is a record error', async () => {
  // Every record needs the next one; the last one is refused for its own sake, and so is what needs it.
  const world = rig({
    batch: 10,
    write: (operations) =>
      operations.map((operation): WriteResult => {
        const n = numberOf(operation);
        const refused = { ok: false, class: 'record', code: '23503', message: 'm' } as const;
        if (n === 99) return { ...refused, code: '23514' };
        if (n !== 49 && !world.landed.includes(n + 1)) return { ...refused, waits: true };
        world.landed.push(n);
        return { ok: true };
      }),
  });
  const failed = await world.export(100);
  expect(world.landed.toSorted((a, b) => a - b)).toEqual(numbers(50));
  expect(failed).toHaveLength(50);
  expect(world.journal.size).toBe(100);
});

test('a record that the destination fails on, while it takes others, becomes a record error', async () => {
  const world = rig({
    batch: 10,
    lookup: true,
    write: (operations) => {
      if (operations.some((operation) => numberOf(operation) === 7))
        throw new TransientError('http_500', 'POST /x was answered 500');
      return landing(world, operations);
    },
  });
  const failed = await world.export(100);
  expect(failed.map(({ error }) => [error.key, error.code])).toEqual([[[7], 'http_500']]);
  expect(world.landed).toHaveLength(99);
}, 60_000);

test('a destination that is down stops the export, and makes no record errors', async () => {
  const world = rig({
    batch: 1,
    write: (operations) => {
      if (world.landed.length >= 20) throw new TransientError('http_503', 'down');
      return landing(world, operations);
    },
  });
  await expect(world.export(3000)).rejects.toMatchObject({ code: 'http_503' });
  expect(world.journal.size).toBe(world.landed.length);
  expect([...world.journal.values()].every((outcome) => outcome?.ok)).toBe(true);
});

test('a call refused for its rate is made again, a long wait leaves the worker (R9)', async () => {
  let refusals = 0;
  const world = rig({
    batch: 10,
    write: (operations) => {
      if (refusals++ % 3 < 2) throw new LimitedError('too many', 10);
      return landing(world, operations);
    },
  });
  expect(await world.export(100)).toEqual([]);
  expect(world.landed).toHaveLength(100);
  const long = rig({
    batch: 10,
    write: () => {
      throw new LimitedError('too many', 60_000);
    },
  });
  await expect(long.export(100)).rejects.toMatchObject({ retryAfterMs: 60_000 });
});

test('risky creates are announced before they are sent, and what was refused is not in doubt', async () => {
  const world = rig({
    batch: 1,
    risky: true,
    write: (operations) => {
      for (const { idempotencyKey } of operations) {
        const seq = Number(idempotencyKey.split('-').at(-1));
        expect(world.journal.get(seq)).toBe(null);
      }
      if (operations.some((operation) => numberOf(operation) === 5))
        throw new LimitedError('x', 60_000);
      return landing(world, operations);
    },
  });
  await expect(world.export(100)).rejects.toMatchObject({ code: 'limited' });
  const inDoubt = [...world.journal.values()].filter((outcome) => outcome === null);
  expect(inDoubt).toEqual([]);
  expect(world.journal.size).toBe(world.landed.length);
});

test('a create whose answer is lost is looked for, never sent again', async () => {
  const world = rig({
    batch: 1,
    risky: true,
    lookup: true,
    write: (operations) => {
      const [n = 0] = operations.map(numberOf);
      if (n % 10 !== 9) world.landed.push(n);
      if (n % 10 > 7) throw new TransientError('unknown_outcome', 'broke off');
      return [{ ok: true }];
    },
  });
  const failed = await world.export(100);
  expect(failed.map(({ error }) => error.code)).toEqual(
    Array.from({ length: 10 }, () => 'unknown_outcome'),
  );
  expect(failed.every(({ error }) => Number(error.key?.[0]) % 10 === 9)).toBe(true);
  expect(world.calls()).toBe(100);
});

test('a call without effect before a risky create is no reason to doubt the create', async () => {
  let tokens = 0;
  const world = rig({
    batch: 1,
    risky: true,
    async prepare() {
      tokens += 1;
      if (tokens <= 10) throw new TransientError('network', 'the token address broke off');
    },
    write: (operations) => landing(world, operations),
  });
  expect(await world.export(20)).toEqual([]);
  expect(world.landed.toSorted((a, b) => a - b)).toEqual(numbers(20));
  expect(tokens).toBe(30);
});

test('an attempt that lost its chunk sends nothing more (R6)', async () => {
  const world = rig({
    batch: 1,
    write: async (operations) => {
      if (world.landed.length === 50) world.lose();
      await sleep(5);
      return landing(world, operations);
    },
  });
  await expect(world.export(20_000)).rejects.toThrow(SupersededError);
  // Those on the wire, and those that were sent before the loss was noticed.
  expect(world.calls()).toBeLessThan(50 + mostCallsAtOnce * 10);
});

test('a process that stood still asks whether the chunk is still its own before it sends anything (R6)', async () => {
  const world = rig({
    batch: 1,
    admit: (call) => (call < 5 ? Promise.resolve() : sleep(100)),
    write: (operations) => {
      if (world.calls() === 5) {
        world.lose();
        for (const end = Date.now() + 1700; Date.now() < end;);
      }
      return landing(world, operations);
    },
  });
  await expect(world.export(100)).rejects.toThrow(SupersededError);
  expect(world.calls()).toBe(5);
});

test('what waits for the quota when the run stops is never sent, what is on the wire is waited for', async () => {
  const stop = new AbortController();
  const world = rig({
    batch: 1,
    admit: (call) => (call < 10 ? Promise.resolve() : sleep(1500)),
    write: async (operations) => {
      await sleep(200);
      return landing(world, operations);
    },
  });
  setTimeout(() => stop.abort(new Error('paused')), 100);
  const began = Date.now();
  await expect(world.export(100, stop.signal)).rejects.toThrow('paused');
  expect(Date.now() - began).toBeLessThan(1400);
  expect(world.landed).toHaveLength(10);
  expect(world.journal.size).toBe(10);
  await sleep(2000);
  expect(world.calls()).toBe(10);
});

interface Rig {
  batch: number;
  write(operations: readonly WriteOperation[]): WriteResult[] | Promise<WriteResult[]>;
  risky?: boolean;
  lookup?: boolean;
  /** The wait for the quota. */
  admit?(call: number): Promise<void>;
  /** A call without effect before each write. */
  prepare?(): Promise<void>;
}

/** A destination and a journal in memory. */
function rig({ batch, write, risky = false, lookup = false, admit, prepare }: Rig) {
  const journal = new Map<number, JournalEntry['outcome']>();
  const landed: number[] = [];
  let calls = 0;
  let admitted = 0;
  let owned = true;
  const destination: RecordDestination = {
    kind: 'records',
    fields: null,
    batch: { create: batch, update: batch, remove: batch },
    idempotentCreate: !risky,
    lookupBatch: 10,
    ...(lookup && {
      lookup: async (keys) =>
        keys
          .filter(([key]) => landed.includes(Number(key)))
          .map((key) => ({ key, id: null, values: {} })),
    }),
    async write(operations, { make }) {
      if (prepare) await make(async () => ({ value: await prepare() }), { effect: false });
      return make(async () => {
        calls += 1;
        const written = write(operations);
        // No later than a failure: the exporter tells the two apart by their times.
        return { value: Array.isArray(written) ? written : await written };
      });
    },
  };
  const callDestination = (terms: CallTerms): Calls => ({
    ...pacedCalls(() => null, idle, terms),
    async make(send, { effect = true } = {}) {
      await unlessAborted(admit?.(admitted++), terms.signal);
      if (effect) await terms.fence?.();
      return (await send({ signal: terms.signal, sent: () => undefined })).value;
    },
  });
  const work = {
    store: {
      journal: {
        read: async () => [...journal].map(([seq, outcome]) => ({ seq, outcome })),
        async write(
          _: unknown,
          { entries, retracted = [] }: { entries: readonly JournalEntry[]; retracted?: number[] },
        ) {
          await new Promise((resolve) => setImmediate(resolve));
          if (!owned) throw new SupersededError('run', 0);
          for (const seq of retracted) if (journal.get(seq) === null) journal.delete(seq);
          for (const { seq, outcome } of entries) journal.set(seq, outcome);
        },
      },
    },
    ends: { match: { caseInsensitive: false, trim: false }, callDestination },
    destination,
    books: { learner: () => undefined },
  } as unknown as KeyedWork<RecordDestination>;
  return {
    journal,
    landed,
    calls: () => calls,
    lose: () => {
      owned = false;
    },
    export: (count: number, signal = new AbortController().signal) =>
      exportOperations(work, { run: 'run', no: 0, token: 1 }, creates(count), {
        signal,
        attempt: 1,
        pauseMs: 20,
      }),
  };
}

const idle = { begins: () => undefined, waits: () => undefined, went: () => undefined };

/** Waits, but not longer than until the signal. */
async function unlessAborted(wait: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  await Promise.race([wait, aborted]);
}

function landing(
  world: { landed: number[] },
  operations: readonly WriteOperation[],
): WriteResult[] {
  return operations.map((operation) => {
    world.landed.push(numberOf(operation));
    return { ok: true };
  });
}

function creates(count: number): DecidedOperation[] {
  return numbers(count).map((n) => ({
    operation: 'create',
    key: [n],
    canonicalKey: `["${n}"]`,
    id: null,
    values: { n },
  }));
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

function numberOf({ key }: WriteOperation): number {
  return Number(key[0]);
}

/** From 0 up to 1, the same for the same number. */
function noise(n: number): number {
  const x = Math.sin(n) * 10_000;
  return x - Math.floor(x);
}
