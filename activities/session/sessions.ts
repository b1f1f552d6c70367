import type { Dependencies } from '../host/dependencies.ts';
import { Pacers } from '../quota/pacers.ts';
import { connect, type OpenConnection, type Connects } from './connect.ts';
import { openSession } from './open-session.ts';
import type { Session } from './session.ts';

/** The time after which an unused session is closed. Milliseconds. */
const idleMs = 60_000;

/** The open sessions of a worker. */
export class Sessions implements Connects {
  readonly #deps: Dependencies;
  readonly #pacers: Pacers;
  readonly #open = new Map<
    string,
    { session: Promise<Session>; timer?: NodeJS.Timeout; users: number }
  >();

  constructor(deps: Dependencies) {
    this.#deps = deps;
    this.#pacers = new Pacers(deps.store.quotas);
  }

  /** Lends the run's session to `work`. A session whose work failed is opened afresh next time. */
  async use<T>(run: string, work: (session: Session) => Promise<T>): Promise<T> {
    const entry = this.#open.get(run) ?? {
      session: openSession(this.#deps, this, run),
      users: 0,
    };
    this.#open.set(run, entry);
    clearTimeout(entry.timer);
    entry.users += 1;
    let failed = false;
    try {
      return await work(await entry.session);
    } catch (error) {
      failed = true;
      throw error;
    } finally {
      entry.users -= 1;
      if (failed && this.#open.get(run) === entry) this.#open.delete(run);
      if (entry.users === 0) {
        if (this.#open.get(run) !== entry) void this.#close(entry.session);
        else entry.timer = setTimeout(() => void this.drop(run), idleMs).unref();
      }
    }
  }

  connect(connection: string, run: string): Promise<OpenConnection> {
    const { store, connectors } = this.#deps;
    return connect(store, connectors, connection, (id, quota) =>
      this.#pacers.ofRun(id, quota, run, store.runProgress),
    );
  }

  /** Closes the run's session, if it is open and unused. */
  async drop(run: string): Promise<void> {
    const entry = this.#open.get(run);
    if (entry === undefined || entry.users > 0) return;
    this.#open.delete(run);
    clearTimeout(entry.timer);
    await this.#close(entry.session);
  }

  async #close(session: Promise<Session>): Promise<void> {
    await session.then(({ close }) => close()).catch(() => undefined);
  }
}
