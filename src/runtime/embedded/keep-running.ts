import { setTimeout as sleep } from 'node:timers/promises';
import type { Log, ServerExit } from './server-process.ts';

/** A server that can end by itself. */
interface EndingServer {
  readonly exited: Promise<ServerExit>;
  stop(): Promise<void>;
}

/** The server to keep running. */
export interface KeepRunningOptions<T extends EndingServer> {
  /** The name used in messages, such as "The embedded Postgres". */
  readonly name: string;
  /** Starts the server. A restart gets the one that ended as `before`, and keeps the address that others know. */
  start(before?: T): Promise<T>;
  readonly log: Log;
  /**
   * The delay in milliseconds before the first restart; each further one waits twice as long, up to 5 s. Default 500.
   */
  readonly firstDelayMs?: number;
}

/** A server that is started again when it ends. */
export interface KeptRunning<T> {
  /** The server as it was first started; later ones have the same address. */
  readonly first: T;
  /** Rejects when the server has ended too often; never settles otherwise. */
  readonly givenUp: Promise<never>;
  stop(): Promise<void>;
}

/** The number of ends within `windowMs` at which it gives up. */
const mostEnds = 5;
const windowMs = 60_000;
const longestDelayMs = 5_000;

/** Starts a server and restarts it whenever it ends by itself, until that happens five times within a minute. */
export async function keepRunning<T extends EndingServer>(
  options: KeepRunningOptions<T>,
): Promise<KeptRunning<T>> {
  const first = await options.start();
  const halt = new AbortController();
  const keeper = new Keeper(options, first, halt.signal);
  const kept = keeper.keep();
  const givenUp = kept.then(() => new Promise<never>(() => {}));
  // Nobody is obliged to wait for it, so a rejection that nobody handles is no error.
  givenUp.catch(() => undefined);
  return {
    first,
    givenUp,
    stop: async () => {
      halt.abort();
      await keeper.current.stop();
      await kept.catch(() => undefined);
      // Stops a server that was being started in the meantime.
      await keeper.current.stop();
    },
  };
}

class Keeper<T extends EndingServer> {
  readonly #options: KeepRunningOptions<T>;
  readonly #halt: AbortSignal;
  #ends: number[] = [];
  current: T;

  constructor(options: KeepRunningOptions<T>, first: T, halt: AbortSignal) {
    this.#options = options;
    this.#halt = halt;
    this.current = first;
  }

  /**
   * Restarts the server until halted.
   * @throws when the server has ended too often
   */
  async keep(): Promise<void> {
    for (;;) {
      const exit = await this.current.exited;
      if (this.#halt.aborted || exit.stopping) return;
      await this.#startAgain(exit.signal ? `by ${exit.signal}` : `with code ${exit.code}`);
      if (this.#halt.aborted) return;
    }
  }

  async #startAgain(how: string): Promise<void> {
    const { name, start, log } = this.#options;
    let what = `${name} ended ${how}`;
    for (;;) {
      const delayMs = this.#nextDelay(what);
      log(`${what}; it starts again in ${delayMs / 1000} s`);
      await sleep(delayMs, undefined, { signal: this.#halt }).catch(() => undefined);
      if (this.#halt.aborted) return;
      try {
        this.current = await start(this.current);
        log(`${name} runs again`);
        return;
      } catch (error) {
        what = `${name} could not be started again: ${(error as Error).message}`;
      }
    }
  }

  /**
   * Counts an end and returns the delay before the restart.
   * @throws when there were too many ends
   */
  #nextDelay(what: string): number {
    const now = Date.now();
    this.#ends = [...this.#ends.filter((at) => at > now - windowMs), now];
    if (this.#ends.length >= mostEnds)
      throw new Error(`${what}. That is ${mostEnds} times within a minute: giving up`);
    const { firstDelayMs = 500 } = this.#options;
    return Math.min(firstDelayMs * 2 ** (this.#ends.length - 1), longestDelayMs);
  }
}
