import { Context } from '@temporalio/activity';
import type { Calls } from '../../src/connectors/contract/calls.ts';
import type { LimitInfo, Quota } from '../../src/model/quota.ts';
import type { Store } from '../../src/store/store.ts';
import { Pacer, type Caller } from './pacer.ts';

/** What must be durable before a call goes is made so this long before its moment. Milliseconds. */
const preparationMs = 60;
/** Shorter waits are not worth telling. Milliseconds. */
const noticeableMs = 1_500;
/** How far an announced end of the wait may be wrong before it is told anew. Milliseconds. */
const toleranceMs = 1_000;

/** The quotas of all connections as this worker uses them (R9): its runs share one pacer a connection. */
export class Throttles {
  readonly #store: Pick<Store, 'quotas' | 'runs'>;
  readonly #pacers = new Map<string, Pacer>();

  constructor(store: Pick<Store, 'quotas' | 'runs'>) {
    this.#store = store;
  }

  /** The throttle of a connection for the calls of one run. */
  of(connection: string, quota: Quota, run: string): Throttle {
    const pacer = this.#pacers.get(connection) ?? new Pacer(this.#store.quotas, connection, quota);
    this.#pacers.set(connection, pacer);
    // The connection may have been declared anew.
    pacer.quota = quota;
    const caller = new RunCaller((until) => this.#store.runs.waitUntil(run, until));
    return { call: (make, ...how) => paced(pacer, caller, make, ...how) };
  }
}

async function paced<T>(
  pacer: Pacer,
  caller: Caller,
  make: (sent: () => void) => Promise<{ value: T; limits?: LimitInfo }>,
  prepare?: () => Promise<void>,
  unwanted?: AbortSignal,
): Promise<T> {
  const leadMs = prepare === undefined ? 0 : preparationMs;
  for (let again = false; ; again = true) {
    const turn = await pacer.turn(caller, {
      again,
      leadMs,
      signal: anyOf(cancellation(), unwanted),
    });
    try {
      unwanted?.throwIfAborted();
      await prepare?.();
      if (!(await turn.due())) continue;
      const { value, limits } = await make(() => turn.sent());
      await turn.answered(limits);
      if (limits?.limited !== true) return value;
    } finally {
      turn.done();
    }
  }
}

function anyOf(...signals: (AbortSignal | undefined)[]): AbortSignal | undefined {
  const [first, ...more] = signals.filter((signal) => signal !== undefined);
  return first === undefined || more.length === 0 ? first : AbortSignal.any([first, ...more]);
}

/** What ends the wait of the activity that makes the call. */
function cancellation(): AbortSignal | undefined {
  try {
    return Context.current().cancellationSignal;
  } catch {
    return undefined; // not called by an activity
  }
}

/** Shows in the run that it waits. */
class RunCaller implements Caller {
  readonly #note: (until: Date | null) => Promise<void>;
  #lastCall = performance.now();
  /** What the run shows; undefined: unknown, an earlier attempt may have left something. */
  #shown: number | null | undefined;
  #notes: Promise<void> = Promise.resolve();

  constructor(note: (until: Date | null) => Promise<void>) {
    this.#note = note;
  }

  begins(): void {
    this.#lastCall = performance.now();
  }

  waits(until: number): void {
    const now = performance.now();
    if (until - now < noticeableMs && now - this.#lastCall < noticeableMs) return;
    const end = Math.max(until, now + toleranceMs);
    if (typeof this.#shown === 'number' && Math.abs(this.#shown - end) < toleranceMs) return;
    this.#show(end, new Date(Date.now() + end - now));
  }

  went(): void {
    this.#lastCall = performance.now();
    if (this.#shown !== null) this.#show(null, null);
  }

  #show(shown: number | null, until: Date | null): void {
    this.#shown = shown;
    this.#notes = this.#notes.then(() => this.#note(until)).catch(() => undefined);
  }
}
