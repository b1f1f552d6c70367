import type { Quota } from '../../src/model/quota.ts';
import { own } from '../../src/model/own.ts';
import type { Quotas } from '../../src/store/quotas.ts';
import type { Store } from '../../src/store/store.ts';
import { pacedCalls, type MakeCalls } from './paced-calls.ts';
import { Pacer, type Caller } from './pacer.ts';
import { RunCaller } from './run-caller.ts';

/** The quotas of all connections as this process uses them (R9): its runs share one pacer a connection and bucket. */
export class Pacers {
  readonly #quotas: Pick<Quotas, 'change'>;
  readonly #pacers = new Map<string, Pacer>();

  constructor(quotas: Pick<Quotas, 'change'>) {
    this.#quotas = quotas;
  }

  /**
   * The calls of a run to a connection.
   * @param quota null where the system limits nobody
   * @param progress where the run shows that it waits
   */
  ofRun(
    connection: string,
    quota: Quota | null,
    run: string,
    progress: Pick<Store['runProgress'], 'waitUntil'>,
  ): MakeCalls {
    const caller = new RunCaller((until, sure) => progress.waitUntil(run, until, sure));
    return this.#callsOf(connection, quota, caller);
  }

  /** The calls to a connection that belong to no run, as when it is checked: whoever waits for them is told of a limit soon. */
  ofNobody(connection: string, quota: Quota | null): MakeCalls {
    const calls = this.#callsOf(connection, quota, silent);
    return (terms) => calls({ mostWaitMs: 2_000, ...terms });
  }

  #callsOf(connection: string, quota: Quota | null, caller: Caller): MakeCalls {
    const pacerOf = (bucket: string) =>
      quota === null ? null : this.#pacerOf(connection, quota, bucket);
    return (terms) => pacedCalls(pacerOf, caller, terms);
  }

  #pacerOf(connection: string, quota: Quota, bucket: string): Pacer {
    const declared = own(quota, bucket) ?? {};
    const key = bucket === 'default' ? connection : `${connection}/${bucket}`;
    const pacer = this.#pacers.get(key) ?? new Pacer(this.#quotas, connection, declared, key);
    this.#pacers.set(key, pacer);
    // The connection may have been declared anew.
    pacer.quota = declared;
    return pacer;
  }
}

const silent: Caller = {
  begins: () => undefined,
  waits: () => undefined,
  went: () => undefined,
};
