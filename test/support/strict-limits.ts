import { SlidingWindow } from './sliding-window.ts';

/** A quota over a sliding window. */
export interface StrictQuota {
  readonly requests: number;
  readonly perMs: number;
}

/** The limits of the server, and the headers that tell them. */
export interface StrictLimitOptions {
  /** The quota; calls beyond it are answered 429. Default: no quota. */
  readonly quota?: StrictQuota | undefined;
  /** The most calls under way at once; more are answered 429. Default: any number. */
  readonly concurrency?: number | undefined;
  /** The `Retry-After` of a 429: whole seconds, an HTTP date, none, or exactly this text. Default seconds. */
  readonly retryAfter?: 'seconds' | 'date' | 'none' | (string & {}) | undefined;
  /**
   * The headers that tell what is left: `RateLimit-Remaining/-Reset`, `RateLimit` of the drafts (new or old) with
   * `RateLimit-Policy`, or `X-RateLimit-*` with the reset as seconds from now, or as epoch seconds or milliseconds.
   * Default plain.
   */
  readonly headers?:
    | 'plain'
    | 'draft'
    | 'older'
    | 'x-delta'
    | 'x-epoch'
    | 'x-epoch-ms'
    | 'none'
    | undefined;
}

/** A call as the server counted it. */
export interface Arrival {
  /** The time, as from `Date.now()`. */
  readonly at: number;
  readonly limited: boolean;
}

/** Counts the calls of a strict server. */
export class StrictLimits {
  readonly arrivals: Arrival[] = [];
  readonly #options: StrictLimitOptions;
  #window: SlidingWindow | undefined;
  #perMs = 0;
  #underWay = 0;
  #pause: { readonly until: number; readonly status: 429 | 503 } | undefined;

  constructor(options: StrictLimitOptions) {
    this.#options = options;
    this.quota(options.quota);
  }

  /** Sets another quota from now on; calls made before still count. */
  quota(quota: StrictQuota | undefined): void {
    this.#perMs = quota?.perMs ?? 0;
    this.#window = quota && new SlidingWindow(quota.requests, quota.perMs, this.#window?.taken);
  }

  /** Refuses every call for a while. */
  pause(ms: number, status: 429 | 503): void {
    this.#pause = { until: Date.now() + ms, status };
  }

  /** Counts a call. A status in the result means that it is refused; call `done` when it is over. */
  take(): { status?: 429 | 503; headers: Record<string, string>; done(): void } {
    const now = Date.now();
    this.#underWay += 1;
    const done = (): void => {
      this.#underWay -= 1;
    };
    const refusal = this.#refusal(now);
    this.arrivals.push({ at: now, limited: refusal.status !== undefined });
    return { ...refusal, done };
  }

  #refusal(now: number): { status?: 429 | 503; headers: Record<string, string> } {
    if (this.#pause !== undefined && now < this.#pause.until) {
      const { until, status } = this.#pause;
      return { status, headers: this.#retryAfter(now, until - now) };
    }
    const { concurrency = Number.POSITIVE_INFINITY } = this.#options;
    if (this.#underWay > concurrency) return { status: 429, headers: this.#retryAfter(now, 0) };
    if (this.#window === undefined) return { headers: {} };
    const { allowed, remaining, waitMs } = this.#window.take(now);
    const headers = this.#left(now, remaining, waitMs);
    if (allowed) return { headers };
    return { status: 429, headers: { ...headers, ...this.#retryAfter(now, waitMs) } };
  }

  #retryAfter(now: number, waitMs: number): Record<string, string> {
    const { retryAfter = 'seconds' } = this.#options;
    if (retryAfter === 'none') return {};
    if (retryAfter === 'seconds') return { 'retry-after': String(Math.ceil(waitMs / 1000)) };
    if (retryAfter !== 'date') return { 'retry-after': retryAfter };
    // An HTTP date has whole seconds.
    const date = new Date(Math.ceil((now + waitMs) / 1000) * 1000);
    return { 'retry-after': date.toUTCString() };
  }

  #left(now: number, remaining: number, waitMs: number): Record<string, string> {
    const seconds = Math.ceil(waitMs / 1000);
    const left = String(remaining);
    const requests = remaining + (this.#window?.taken.length ?? 0);
    switch (this.#options.headers) {
      case 'none':
        return {};
      case 'draft': {
        const policy = `"default";q=${requests};w=${this.#perMs / 1000}`;
        return { ratelimit: `"default";r=${left};t=${seconds}`, 'ratelimit-policy': policy };
      }
      case 'older':
        return { ratelimit: `limit=${requests}, remaining=${left}, reset=${seconds}` };
      case 'x-delta':
        return { 'x-ratelimit-remaining': left, 'x-ratelimit-reset': String(seconds) };
      case 'x-epoch':
        return {
          'x-ratelimit-remaining': left,
          'x-ratelimit-reset': String(Math.ceil((now + waitMs) / 1000)),
        };
      case 'x-epoch-ms':
        return { 'x-ratelimit-remaining': left, 'x-ratelimit-reset': String(now + waitMs) };
      default:
        return { 'ratelimit-remaining': left, 'ratelimit-reset': String(seconds) };
    }
  }
}
