import { randomUUID } from 'node:crypto';
import { workerTtlMs } from '../../src/engine/quota/permits.ts';
import { leaseQuota, refuseQuota, type Lease } from '../../src/engine/quota/quota.ts';
import type { QuotaState } from '../../src/engine/quota/quota-state.ts';
import { jitter } from '../../src/engine/quota/quota-rate.ts';
import { ConfigError, LimitedError } from '../../src/model/failure.ts';
import type { Bucket, LimitInfo } from '../../src/model/quota.ts';
import type { Decided, Quotas } from '../../src/store/quotas.ts';
import { Allowance, type Pass } from './allowance.ts';
import { CallMeter } from './call-meter.ts';
import { ClockOffset } from './clock-offset.ts';
import { FairQueue } from './fair-queue.ts';

/** A call may go so late without harm: the spacing of the slots allows for it. Milliseconds. */
const lateMs = 10;
/** A call may go so late at most: a process that stood still for longer may have lost its work to another (R6). */
const latestMs = 1_000;
/** Longer waits leave the worker. */
const longestSleepMs = 20_000;
/** Between two questions to the state database: usually, while slots are left, when none are; rarely. */
const askMs = { usually: 100, soon: 30, atOnce: 5, rarely: 1_000, failed: 500 };
/** Calls of one worker under way to one system. */
const mostInFlight = 1_024;
/** Permits are not used to the very end, which another worker might see sooner. */
const permitsGoodMs = workerTtlMs - 500;

/** Somebody who makes calls, and is told how the waiting goes. Times are of `performance.now()`. */
export interface Caller {
  /** It has calls to make, having had none. */
  begins(): void;
  /** It waits, until then as far as can be said. */
  waits(until: number): void;
  /** A call of it goes. */
  went(): void;
}

interface Slot {
  readonly at: number;
  /** `slipped` of the lease that it came with. */
  readonly slipped: number;
}

/** The permission to make one call. */
export interface Turn {
  /** Waits for the very moment; false: it has passed, or nobody may call any more. Another turn must be taken then. */
  due(): Promise<boolean>;
  /** The call leaves now. */
  sent(): void;
  /** Takes in the answer's words about the quota, if one came. Settles when all workers can know them. */
  answered(limits: LimitInfo | undefined): Promise<void>;
  /** The call is over. */
  done(): void;
}

/** The terms on which a turn is waited for. */
export interface TurnOptions {
  /** It is taken in place of another, before the caller's others. */
  readonly again?: boolean;
  /** The turn is welcome this long before its moment, to prepare the call. Milliseconds, default 0. */
  readonly leadMs?: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

interface Waiter {
  readonly leadMs: number;
  go(slot: Slot | undefined, pass: Pass): void;
  fail(error: unknown): void;
}

/**
 * Paces the calls of this process to one bucket of a connection. It leases slots and permits for a moment ahead from the
 * state that all workers share, and deals them out; it learns of the others' refusals when it leases. A call also needs a
 * pass, which says that the long windows have room for it.
 *
 * ```
 *   pacer   idle ──turn──▶ running: asks, deals out, rests, and again ──nothing waits or is under way──▶ idle
 *                             └── nothing is to be had for over 20 s: those who wait are sent away (LimitedError)
 *
 *   call    waits ──slot, permit, pass──▶ has its turn ──due──▶ under way ──answered, done──▶ over
 *             ▲                               │                    │
 *             └───────────────────────────────┘                    └── refused: a new round begins after a pause, and
 *               its moment passed, or a pause began                    the caller takes another turn
 * ```
 */
export class Pacer {
  readonly #quotas: Pick<Quotas, 'change'>;
  readonly #connection: string;
  readonly #key: string;
  readonly #worker = randomUUID();
  readonly #queue = new FairQueue<Caller, Waiter>();
  readonly #clock = new ClockOffset();
  readonly #meter = new CallMeter();
  readonly #allowance: Allowance;
  #quota: Bucket;
  #running = false;
  #inFlight = 0;
  /** Leased and not used, in local time; null: no rate is known. */
  #slots: Slot[] | null = [];
  #lease: Lease | undefined;
  #permits = { most: 0, until: 0 };
  #blockedUntil = 0;
  #seen: LimitInfo | undefined;
  #slip = 0;
  #alarm: NodeJS.Timeout | undefined;
  #askedAt = 0;
  #wake: () => void = () => undefined;

  /** @param key names the state that all workers share. Default: the connection */
  constructor(
    quotas: Pick<Quotas, 'change'>,
    connection: string,
    quota: Bucket,
    key: string = connection,
  ) {
    this.#quotas = quotas;
    this.#connection = connection;
    this.#key = key;
    this.#quota = quota;
    this.#allowance = new Allowance(quotas, connection, `${this.#worker} ${key}`);
    this.quota = quota;
  }

  /** The bucket as it is declared, which may be declared anew at any time. */
  set quota(quota: Bucket) {
    this.#quota = quota;
    this.#allowance.windows = quota.long ?? {};
  }

  /**
   * Waits for the permission to make a call.
   * @throws LimitedError when the wait is long, or `signal` ends it; ConfigError when the quota cannot be understood
   */
  turn(caller: Caller, { again = false, leadMs = 0, signal }: TurnOptions = {}): Promise<Turn> {
    return new Promise((resolve, reject) => {
      const cancelled = (): void => {
        if (this.#queue.remove(caller, waiter)) reject(waitFailure(this.#connection, undefined));
      };
      const over = (): void => signal?.removeEventListener('abort', cancelled);
      const waiter: Waiter = {
        leadMs,
        go: (slot, pass) => {
          over();
          resolve(this.#newTurn(caller, slot, pass));
        },
        fail: (error) => {
          over();
          reject(error);
        },
      };
      if (signal?.aborted === true) return reject(waitFailure(this.#connection, undefined));
      signal?.addEventListener('abort', cancelled, { once: true });
      if (!this.#queue.has(caller)) caller.begins();
      this.#queue.add(caller, waiter, again);
      if (!this.#running) void this.#run();
      this.#dispatch();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#queue.size > 0 || this.#inFlight > 0) {
      const delay = await this.#renew().then(
        () => this.#nextAsk(),
        (error: unknown) => {
          // Anything else passes: the state database is away.
          if (error instanceof ConfigError) {
            const { code, message } = error;
            this.#sendAway(new ConfigError(code, message, { connection: this.#connection }));
          }
          return askMs.failed;
        },
      );
      this.#dispatch();
      this.#tell();
      await this.#rest(delay);
    }
    this.#running = false;
    // The others need not wait until these permits lapse, nor until these calls do.
    if (this.#lease?.permits !== null) await this.#ask().catch(() => undefined);
    await this.#allowance.leave().catch(() => undefined);
  }

  async #renew(): Promise<void> {
    await this.#ask();
    await this.#askLong();
  }

  async #askLong(): Promise<void> {
    const atOnce = this.#slots?.length ?? Math.max(0, this.#permits.most - this.#inFlight);
    await this.#allowance.renew({
      ready: Math.min(this.#queue.size, Math.max(1, atOnce)),
      inFlight: this.#inFlight,
      rate: this.#meter.rate,
    });
  }

  async #ask(): Promise<void> {
    const request = {
      worker: this.#worker,
      slots: this.#wanted(),
      held: this.#slots?.length ?? 0,
      waiting: this.#queue.size,
      inFlight: this.#inFlight,
      rate: this.#meter.rate,
      slip: this.#slip,
      seen: this.#seen,
    };
    this.#seen = undefined;
    const decided = await this.#quotas.change<QuotaState, Lease>(this.#key, (before, now) => {
      const { state, lease } = leaseQuota(before, request, this.#quota, now);
      return { state, result: lease };
    });
    this.#take(decided);
  }

  /** Slots for the calls that wait, and for those that will wait again soon. */
  #wanted(): number {
    const soon = Math.min(this.#inFlight, Math.ceil(this.#meter.rate * askMs.soon));
    return Math.max(0, this.#queue.size + soon - (this.#slots?.length ?? 0));
  }

  #take({ result, clock }: Decided<Lease>): void {
    this.#clock.add(clock);
    this.#askedAt = clock.to;
    const renewed = this.#lease?.round !== result.round;
    this.#lease = result;
    const { slipped } = result;
    const local = result.slots?.map((slot) => ({ at: this.#clock.local(slot), slipped })) ?? null;
    // Slots that were leased before a decrease are void.
    this.#slots = local === null ? null : [...(renewed ? [] : (this.#slots ?? [])), ...local];
    this.#block(this.#clock.local(result.blockedUntil));
    this.#permits = { most: result.permits ?? mostInFlight, until: clock.from + permitsGoodMs };
  }

  /** Lets those go whose time has come. */
  #dispatch(): void {
    clearTimeout(this.#alarm);
    const now = performance.now();
    let next = this.#queue.first();
    for (; next !== undefined && this.#mayCall(now, next.leadMs); next = this.#queue.first()) {
      this.#queue.take();
      this.#inFlight += 1;
      next.go(this.#slots?.shift(), this.#allowance.take());
    }
    if (next === undefined) return;
    const lacksPasses = this.#allowance.isShort(now);
    const due = lacksPasses
      ? this.#askedAt + askMs.soon
      : Math.max((this.#slots?.[0]?.at ?? 0) - next.leadMs, this.#closedUntil());
    if (due > now) this.#alarm = setTimeout(() => this.#dispatch(), due - now);
    if (this.#isShort(now) || (lacksPasses && due <= now)) this.#wake();
  }

  #mayCall(now: number, leadMs: number): boolean {
    if (now < this.#blockedUntil || now > this.#permits.until) return false;
    if (this.#inFlight >= Math.min(this.#permits.most, mostInFlight)) return false;
    if (!this.#allowance.has(now)) return false;
    if (this.#slots === null) return true;
    while (this.#slots[0] !== undefined && this.#isMissed(this.#slots[0], now)) this.#slots.shift();
    return this.#slots[0] !== undefined && this.#slots[0].at <= now + leadMs + 0.5;
  }

  /** Calls bunched up by a stall would be too many for one window. */
  #isMissed({ at }: Slot, now: number): boolean {
    return now - at > lateMs + Math.min(latestMs, this.#lease?.every ?? 0);
  }

  /** True where more slots are needed, and were to be had when last asked. */
  #isShort(now: number): boolean {
    if (this.#slots === null || this.#lease?.againAt !== null) return false;
    const gap = this.#slots.length > 0 ? askMs.soon : askMs.atOnce;
    return this.#queue.size > this.#slots.length && now - this.#askedAt > gap;
  }

  #newTurn(caller: Caller, slot: Slot | undefined, pass: Pass): Turn {
    const round = this.#lease?.round ?? 0;
    let used = false;
    return {
      due: async () => {
        const wait = (slot?.at ?? 0) - performance.now();
        if (wait > 0.5) await sleep(wait);
        if (performance.now() >= pass.until || !this.#use(slot, round)) return false;
        used = true;
        this.#meter.add();
        caller.went();
        return true;
      },
      sent: () => {
        // The spacing allows for no more: it had to wait for a connection.
        if (slot !== undefined && performance.now() - slot.at > jitter.mostMs)
          this.#noteLate(slot, latestMs);
      },
      answered: async (limits) => {
        if (limits === undefined) return;
        // A call that finds a long window used up was not too fast, and going slower would not help.
        if (this.#allowance.saw(limits)) await this.#askLong().catch(() => undefined);
        else if (limits.limited === true || limits.retryAfterMs !== undefined)
          await this.#refused(round, limits);
        else this.#seen = limits;
      },
      done: () => {
        this.#inFlight -= 1;
        if (!used) this.#allowance.giveBack(pass);
        if (!used && slot !== undefined && round === this.#lease?.round) this.#giveBack(slot);
        this.#dispatch();
      },
    };
  }

  /** For another call: the one that had it was called off. */
  #giveBack(slot: Slot): void {
    if (this.#slots === null) return;
    const after = this.#slots.findIndex(({ at }) => at > slot.at);
    this.#slots.splice(after < 0 ? this.#slots.length : after, 0, slot);
  }

  #use(slot: Slot | undefined, round: number): boolean {
    const now = performance.now();
    if (now < this.#blockedUntil || round !== this.#lease?.round) return false;
    if (slot === undefined) return true;
    if (this.#isMissed(slot, now)) return false;
    this.#noteLate(slot);
    // If the process stands still right now, the call leaves later than it seems.
    setImmediate(() => {
      if (performance.now() - now > lateMs) this.#noteLate(slot);
    });
    return true;
  }

  /**
   * A call that goes late puts back all that follow: cheaper than a slot unused where slots are far apart. By a spacing at
   * most unless told otherwise, for it is but one call too many in any window.
   */
  #noteLate({ at, slipped }: Slot, mostMs = this.#lease?.every ?? 0): void {
    const late = performance.now() - at - lateMs;
    if (late <= 0) return;
    const most = Math.max(this.#slip, slipped) + mostMs;
    this.#slip = Math.max(this.#slip, Math.min(slipped + late, most));
  }

  async #refused(round: number, { retryAfterMs }: LimitInfo): Promise<void> {
    this.#block(performance.now() + (retryAfterMs ?? askMs.usually));
    if (this.#lease?.round === round) this.#slots = [];
    const refusal = { round, retryAfterMs, worker: this.#worker, rate: this.#meter.rate };
    const shared = this.#quotas.change<QuotaState, number>(this.#key, (before, now) => {
      const state = refuseQuota(before, refusal, this.#quota, now);
      return { state, result: state.blockedUntil };
    });
    // If the state database does not answer, at least this worker waits.
    const decided = await shared.catch(() => undefined);
    if (decided !== undefined) this.#block(this.#clock.local(decided.result));
  }

  #block(until: number): void {
    this.#blockedUntil = Math.max(this.#blockedUntil, until);
  }

  /** Until when nobody may call: after a refusal, or because a long window is used up. */
  #closedUntil(): number {
    return Math.max(this.#blockedUntil, this.#allowance.waitUntil);
  }

  /** The time until the next question to the state database. Milliseconds. */
  #nextAsk(): number {
    const now = performance.now();
    const closedMs = this.#closedUntil() - now;
    if (closedMs > askMs.usually) return Math.min(askMs.rarely, closedMs - askMs.usually / 2);
    const { againAt = null, permits = null } = this.#lease ?? {};
    if (this.#queue.size === 0 && permits === null) return askMs.rarely;
    if (againAt === null) return askMs.usually;
    return Math.min(askMs.usually, Math.max(askMs.atOnce, this.#clock.local(againAt) - now));
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Tells those who wait until when; sends them away if that is long. */
  #tell(): void {
    if (this.#lease === undefined) return;
    const [slot] = this.#slots ?? [];
    const next = slot?.at ?? this.#clock.local(this.#lease.nextAt);
    const until = Math.max(this.#closedUntil(), next);
    for (const caller of this.#queue.owners()) caller.waits(until);
    const now = performance.now();
    const isFarOff = until - now > longestSleepMs;
    if (!isFarOff || (slot !== undefined && this.#allowance.waitUntil < now)) return;
    this.#sendAway(waitFailure(this.#connection, until - now));
  }

  #sendAway(error: Error): void {
    for (let waiter = this.#queue.take(); waiter !== undefined; waiter = this.#queue.take())
      waiter.fail(error);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function waitFailure(connection: string, waitMs: number | undefined): LimitedError {
  return new LimitedError('waiting for the quota', waitMs, { connection });
}
