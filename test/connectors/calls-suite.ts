import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { unlimited, type Calls } from '../../src/connectors/contract/calls.ts';
import type { Connection } from '../../src/connectors/contract/connector.ts';
import { ConfigError } from '../../src/model/failure.ts';
import { actsOf, before, exported, heldAfter, type Act, type Cast } from './acts.ts';
import {
  heldRecords,
  linkTo,
  openDestination,
  openSource,
  suiteFields,
  type Harness,
  type Standstill,
} from './harness.ts';
import { rowsIn, suiteLayout } from './staged.ts';
import { recordedCalls, type CallLog, type CallTerms } from './recorded-calls.ts';

/** What every connector must do with the calls that it is given. */
export function callsSuite(harness: () => Harness, cast: Cast): void {
  it('asks the fence before every request: what it throws comes out, and nothing is sent (R6)', async () => {
    await play(harness(), cast, async (act) => {
      const fenced = await fenceEachRequest(harness(), act);
      const needed = !isLocal(harness(), act);
      expect({ act: act.name, ...fenced }).toEqual({
        act: act.name,
        needed,
        changed: false,
        strays: 0,
        others: [],
      });
    });
    expect(await heldRecords(harness())).toEqual(heldAfter(cast));
  });

  it('sends nothing once it is stopped, and works again afterwards', async () => {
    const signal = AbortSignal.abort(new Error('stopped'));
    await play(harness(), cast, async (act) => {
      const { failure, sent, strays, changed } = await tried(harness(), act, { signal });
      expect({ act: act.name, failure, sent, strays, changed }).toEqual({
        act: act.name,
        failure: isLocal(harness(), act) ? undefined : signal.reason,
        sent: 0,
        strays: 0,
        changed: false,
      });
      await act.run(unlimited);
    });
    expect(await heldRecords(harness())).toEqual(heldAfter(cast));
  });

  it('lets what was refused for its rate be made again: it takes effect once (R9)', async () => {
    await play(harness(), cast, async (act) => {
      const { failure, limited, made, strays } = await tried(harness(), act, {
        refusesFirst: true,
      });
      expect({ act: act.name, failure, limited, strays }).toEqual({
        act: act.name,
        failure: undefined,
        limited: made,
        strays: 0,
      });
    });
    expect(await heldRecords(harness())).toEqual(heldAfter(cast));
  });

  it('tells when the system refuses a request for its rate, which then takes effect once (R9)', async ({
    skip,
  }) => {
    const { limit } = harness();
    if (limit === undefined) {
      skip();
      return;
    }
    await play(harness(), cast, async (act) => {
      const needed = !isLocal(harness(), act);
      const onLimited = needed ? limit() : undefined;
      const { failure, limited, strays } = await tried(harness(), act, onLimited && { onLimited });
      expect({ act: act.name, failure, limited: limited > 0, strays }).toEqual({
        act: act.name,
        failure: undefined,
        limited: needed,
        strays: 0,
      });
    });
    expect(await heldRecords(harness())).toEqual(heldAfter(cast));
  });

  it('ends what waits for a system that stands still, with the reason, and works again afterwards', async ({
    skip,
  }) => {
    const { standstill } = harness();
    if (standstill === undefined) {
      skip();
      return;
    }
    const stopped = new Error('stopped');
    const waited: string[] = [];
    await play(harness(), cast, async (act) => {
      const waits = standstill.acts.includes(act.name);
      if (waits) waited.push(act.name);
      const failure = waits ? await stopAmid(standstill, act, stopped) : undefined;
      expect([act.name, failure]).toEqual([act.name, waits ? stopped : undefined]);
      await act.run(unlimited);
    });
    expect(waited).toEqual(standstill.acts);
    expect(await heldRecords(harness())).toEqual(heldAfter(cast));
  });

  it('needs but one call at once, also where whoever takes or gives records makes calls meanwhile', async () => {
    await harness().seed(before);
    await connected(harness(), async (link) => {
      const calls = recordedCalls({ oneAtOnce: true });
      const aside = () => calls.make(async () => ({ value: undefined }));
      const codes = cast.source ? await readCodes(harness(), link, calls, aside) : null;
      expect(codes).toEqual(cast.source ? before.map(({ code }) => code) : null);
      const taken =
        cast.destination === null ? 0 : await giveAndTake(harness(), link, calls, aside);
      expect(taken).toBe(cast.destination === null ? 0 : before.length);
    });
  });

  it.runIf(cast.source)(
    'ends a read amid its records when it is stopped, and reads them all afterwards',
    async () => {
      const codes = Array.from({ length: 2500 }, (_, at) => `c${String(at).padStart(4, '0')}`);
      await harness().seed(codes.map((code) => ({ code, name: 'n', note: 'n' })));
      await connected(harness(), async (link) => {
        const stop = new AbortController();
        const stopped = new Error('stopped');
        const terms = { signal: stop.signal };
        const read = readCodes(harness(), link, recordedCalls(terms), () => stop.abort(stopped));
        await expect(read).rejects.toBe(stopped);
        expect(await readCodes(harness(), link, unlimited)).toEqual(codes);
      });
    },
  );
}

/** Does every act with `perform`, over a stream that holds `before`. */
async function play(
  harness: Harness,
  cast: Cast,
  perform: (act: Act) => Promise<unknown>,
): Promise<void> {
  await harness.seed(before);
  await connected(harness, async (link) => {
    for await (const act of actsOf(harness, cast, link)) await perform(act);
  });
}

async function connected(harness: Harness, use: (link: Connection) => Promise<void>) {
  const link = linkTo(harness);
  try {
    await use(link);
  } finally {
    await link.close();
  }
}

/** What became of an act that was tried. */
interface Tried extends CallLog {
  /** What it threw; undefined for nothing. */
  readonly failure: unknown;
  /** Requests that the system saw besides those that went through the calls. */
  readonly strays: number;
  /** The system holds something else than before. */
  readonly changed: boolean;
}

async function tried(harness: Harness, act: Act, terms: CallTerms = {}): Promise<Tried> {
  const held = await traceOf(harness);
  const { requests } = harness;
  const seen = requests?.() ?? 0;
  const calls = recordedCalls(terms);
  const failure = await failureOf(act.run(calls));
  const strays = () => (requests ? requests() - seen - calls.log.sent : 0);
  // One that is on its way still has not been seen.
  await until(() => strays() >= 0);
  const count = strays();
  const changed = JSON.stringify(await traceOf(harness)) !== JSON.stringify(held);
  return { ...calls.log, failure, strays: count, changed };
}

/** What became of an act whose fence let no request through, then one, then two, until it was done. */
interface Fenced {
  /** It needs a request at all. */
  readonly needed: boolean;
  /** The system was changed while the fence let nothing through. */
  readonly changed: boolean;
  readonly strays: number;
  /** What it threw that was not the fence's own. */
  readonly others: readonly unknown[];
}

async function fenceEachRequest(harness: Harness, act: Act): Promise<Fenced> {
  const attempts: Tried[] = [];
  const others: unknown[] = [];
  for (let allowed = 0; allowed < 50; allowed += 1) {
    // Classed and of no connection, it invites a connector to make it one of its own.
    const notMine = new ConfigError('stale_token', 'the chunk has another owner');
    const fence = (request: number) => {
      if (request > allowed) throw notMine;
    };
    const attempt = await tried(harness, act, { fence });
    attempts.push(attempt);
    if (attempt.failure === undefined) break;
    if (attempt.failure !== notMine) others.push(attempt.failure);
  }
  const [first] = attempts;
  return {
    needed: attempts.length > 1,
    changed: first?.failure !== undefined && first.changed,
    strays: attempts.reduce((sum, { strays }) => sum + strays, 0),
    others,
  };
}

/** Stops an act whose request waits for a system that stands still; what it throws then. */
async function stopAmid({ begin }: Standstill, act: Act, stopped: Error): Promise<unknown> {
  const goOn = await begin();
  const stop = new AbortController();
  const calls = recordedCalls({ signal: stop.signal });
  const ended = failureOf(act.run(calls));
  await until(() => calls.log.sent > 0);
  stop.abort(stopped);
  // The system stands still meanwhile: an act that the abort does not end does not end at all.
  const endless = new Error('the act waits for ever');
  const failure = await Promise.race([ended, sleep(5000, endless, { ref: false })]);
  await goOn();
  await ended;
  return failure;
}

function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Waits until something is so, or five seconds. */
async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1000 && !isSo(); tries += 1) await sleep(5);
}

function isLocal({ local = [] }: Harness, { name }: Act): boolean {
  return local.includes(name);
}

function traceOf({ trace, readBack }: Harness): Promise<unknown> {
  return trace === undefined ? readBack() : trace();
}

/** Reads the codes of all records. @param amid waited for after each batch */
async function readCodes(
  harness: Harness,
  link: Connection,
  calls: Calls,
  amid?: () => void | Promise<void>,
): Promise<unknown[]> {
  const request = harness.sourceRequest?.();
  if (request === undefined) throw new Error('the harness has no source');
  const source = await openSource(harness, link, request);
  const read = { since: null, until: null, fields: suiteFields };
  const job = source.job && { job: await exported(source.job, read, calls) };
  const codes: unknown[] = [];
  let cursor: string | null = null;
  do {
    const limit = { records: 10_000, bytes: 1e9 };
    const page = await source.read({ ...read, cursor, limit, ...job }, calls);
    for await (const { rows } of page.batches()) {
      codes.push(...rows.map(([code]) => code));
      if (rows.length > 0) await amid?.();
    }
    ({ cursor } = page.end());
  } while (cursor !== null);
  return codes;
}

/**
 * Stages what the stream holds where the destination stages, else reads it as a mirror does. Returns how many records
 * passed.
 * @param amid waited for after each batch
 */
async function giveAndTake(
  harness: Harness,
  link: Connection,
  calls: Calls,
  amid: () => Promise<void>,
): Promise<number> {
  const target = harness.target?.({});
  if (target === undefined) throw new Error('the harness has no target');
  const destination = await openDestination(harness, link, target, calls);
  if (destination.kind === 'staging') {
    const chunk = { run: randomUUID(), chunk: 0, token: 1 };
    const layout = suiteLayout('json');
    const rows = before.map(({ code, name, note }) => [code, name, note]);
    const slowly = async function* () {
      for (const row of rows) {
        yield* rowsIn([row]);
        await amid();
      }
    };
    await destination.stageRows(chunk, layout, slowly(), calls);
    const { stats } = await destination.apply(chunk, layout, { dryRun: true }, calls);
    await destination.cleanUp(chunk.run, calls);
    return stats.imported;
  }
  if (destination.scan === undefined) return before.length;
  let passed = 0;
  for await (const page of destination.scan(calls)) {
    passed += page.length;
    await amid();
  }
  return passed;
}
