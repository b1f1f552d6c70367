import {
  takeCalls,
  type Grant,
  type LongState,
  type Taken,
} from '../../src/engine/quota/long-windows.ts';
import type { LimitInfo, LongWindow, LongWindowInfo } from '../../src/model/quota.ts';
import type { Quotas } from '../../src/store/quotas.ts';

/** Calls are taken for half of this time ahead, until the counts tell how long they may be kept. Milliseconds. */
const firstGoodMs = 1_000;

/** The right to make one call, as far as long windows are concerned. */
export interface Pass {
  /** The call must leave before then, by `performance.now()`. */
  readonly until: number;
  /** The times at which it lapses from the counts that it was taken from. */
  readonly lapses: Taken['lapses'];
}

/** Passes that came together. */
interface Heap {
  readonly pass: Pass;
  readonly calls: number;
}

/** The calls that are about to be made. */
interface Need {
  /** Calls that could go at once. */
  readonly ready: number;
  readonly inFlight: number;
  /** Calls per millisecond of late. */
  readonly rate: number;
}

type Windows = Readonly<Record<string, LongWindow>>;
type Seen = Readonly<Record<string, LongWindowInfo>>;

const free: Pass = { until: Number.POSITIVE_INFINITY, lapses: {} };

/**
 * The calls that a bucket's long windows let this process make. They are taken some seconds ahead from the counts that all
 * workers share.
 *
 * ```
 *              ┌── waits until waitUntil ── used up
 *              ▼                              ▲
 *   ──────▶ no passes ────────renew───────────┴──▶ passes ──take──▶ the call goes
 *              ▲                                    │    ▲            │
 *              └── void, or too old ◀───────────────┘    └──giveBack──┘ it was called off
 * ```
 *
 * Passes that are too old, and all that are left when no calls are needed any more, go back to the counts. Void passes do
 * not, since the system counts more than we do. A bucket without long windows lets every call go.
 */
export class Allowance {
  readonly #quotas: Pick<Quotas, 'change'>;
  readonly #connection: string;
  readonly #worker: string;
  #windows: Windows = {};
  #isFree = true;
  /** The oldest first; none is empty. */
  #heaps: Heap[] = [];
  /** Too old. */
  #back: Heap[] = [];
  #seen: Seen | undefined;
  #goodMs = firstGoodMs;
  #waitUntil = 0;

  /** @param worker names this process and the bucket among all that take calls of the connection */
  constructor(quotas: Pick<Quotas, 'change'>, connection: string, worker: string) {
    this.#quotas = quotas;
    this.#connection = connection;
    this.#worker = worker;
  }

  /** Declares the bucket's long windows. */
  set windows(windows: Windows) {
    this.#windows = windows;
    this.#isFree = Object.keys(windows).length === 0;
  }

  /** Until when nobody may call because a window is used up, by `performance.now()`. In the past: calls may go. */
  get waitUntil(): number {
    return this.#isFree || this.#heaps.length > 0 ? 0 : this.#waitUntil;
  }

  /** True where a call may be made now. */
  has(now: number): boolean {
    if (this.#isFree) return true;
    for (let [heap] = this.#heaps; heap && heap.pass.until <= now; [heap] = this.#heaps) {
      this.#heaps.shift();
      this.#back.push(heap);
    }
    return this.#heaps.length > 0;
  }

  /** True where nothing is left and a renewal may bring something. */
  isShort(now: number): boolean {
    return !this.has(now) && now >= this.#waitUntil;
  }

  /** Takes the right to one call, which `has` said is there. */
  take(): Pass {
    const [oldest] = this.#heaps;
    if (this.#isFree || oldest === undefined) return free;
    const { pass, calls } = oldest;
    this.#heaps.splice(0, 1, ...(calls > 1 ? [{ pass, calls: calls - 1 }] : []));
    return pass;
  }

  /** Puts back the right to a call that was not made. */
  giveBack(pass: Pass): void {
    if (pass !== free) this.#heaps.unshift({ pass, calls: 1 });
  }

  /**
   * Takes in an answer's words about the windows. The others are told with the next renewal.
   * @returns true where nothing is left of a window, so that what this process has is void
   */
  saw({ long = {}, retryAfterMs }: Pick<LimitInfo, 'long' | 'retryAfterMs'>): boolean {
    let isUsedUp = false;
    for (const [name, said] of Object.entries(long)) {
      if (!Object.hasOwn(this.#windows, name)) continue;
      const isOut = isNothingLeft(said);
      isUsedUp ||= isOut;
      const resetMs = said.resetMs ?? (isOut ? retryAfterMs : undefined);
      this.#seen = {
        ...this.#seen,
        [name]: { ...said, ...(resetMs !== undefined && { resetMs }) },
      };
    }
    if (isUsedUp) this.#heaps = [];
    return isUsedUp;
  }

  /** Takes more calls from the counts where what is left is less than half of what will be needed soon. */
  async renew({ ready, inFlight, rate }: Need): Promise<void> {
    if (this.#isFree) return;
    const isEmpty = !this.has(performance.now());
    const held = this.#heaps.reduce((total, { calls }) => total + calls, 0);
    const wanted = Math.max(ready, Math.ceil((rate * this.#goodMs) / 2));
    if (!isEmpty && held >= wanted / 2) return;
    await this.#ask({ calls: Math.max(0, wanted - held), held, inFlight });
  }

  /** Gives back what is left: no calls are needed for now. */
  async leave(): Promise<void> {
    this.#back.push(...this.#heaps.splice(0));
    if (!this.#isFree && this.#back.length > 0) await this.#ask({ calls: 0, held: 0, inFlight: 0 });
  }

  async #ask(need: { calls: number; held: number; inFlight: number }): Promise<void> {
    const back = this.#back.map(({ pass: { lapses }, calls }) => ({ lapses, calls }));
    const request = { worker: this.#worker, ...need, back, seen: this.#seen };
    // If the answer to this is lost, they are not given back again: a count may be too high, never too low.
    this.#back = [];
    this.#seen = undefined;
    const { result, clock } = await this.#quotas.change<LongState, Grant>(
      this.#connection,
      (before, now) => {
        const { state, grant } = takeCalls(before, request, this.#windows, now);
        return { state, result: grant };
      },
      'long',
    );
    const { calls, lapses, goodMs, waitMs } = result;
    if (calls > 0) this.#goodMs = goodMs;
    this.#waitUntil = waitMs === null ? 0 : clock.to + waitMs;
    if (calls > 0) this.#heaps.push({ pass: { until: clock.from + goodMs, lapses }, calls });
  }
}

function isNothingLeft({ remaining, used, requests }: LongWindowInfo): boolean {
  if (remaining !== undefined) return remaining <= 0;
  return used !== undefined && requests !== undefined && used >= requests;
}
