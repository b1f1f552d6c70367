import type { RecordDestination, WriteResult } from '../../src/connectors/contract/records.ts';
import { faultPoint } from '../../src/model/fault-point.ts';
import type { MakeCalls } from '../quota/paced-calls.ts';
import type { ChunkLog } from './chunk-log.ts';
import { isWithoutEffect, watchedCalls } from './watched-calls.ts';
import type { Numbered } from './write-batches.ts';

/** What a call came to. `inDoubt`: a call that may have taken effect, and must not be made again or was cut short. */
export type Sent =
  | { readonly results: readonly WriteResult[] }
  | { readonly error: unknown; readonly inDoubt: boolean };

/**
 * Makes calls for as long as the chunk is the attempt's own (R6). A call that waits for the quota when the sender is
 * stopped, or when the chunk is lost, is never sent; one on the wire is waited for, a while.
 */
export class Sender {
  readonly #destination: RecordDestination;
  readonly #makeCalls: MakeCalls;
  readonly #log: ChunkLog;
  readonly #patience: AbortSignal;
  readonly #stopped = new AbortController();

  /** @param patience cuts what is on the wire */
  constructor(
    destination: RecordDestination,
    makeCalls: MakeCalls,
    log: ChunkLog,
    patience: AbortSignal,
  ) {
    this.#destination = destination;
    this.#makeCalls = makeCalls;
    this.#log = log;
    this.#patience = patience;
  }

  /** Lets no call go out any more. */
  stop(error: unknown): void {
    this.#stopped.abort(error);
  }

  /**
   * @param repeatable false: the call must not be made twice, so it is announced in the journal first
   * @throws why the call was not sent
   */
  async send(operations: readonly Numbered[], repeatable: boolean): Promise<Sent> {
    const numbers = operations.map(({ seq }) => seq);
    const wire = { isBusy: false };
    let held: { readonly error: unknown } | undefined;
    const fence = async (): Promise<void> => {
      try {
        await this.#pass(numbers, repeatable);
      } catch (error) {
        held = { error };
        throw error;
      }
    };
    const { signal } = this.#stopped;
    const calls = this.#makeCalls({ signal, patience: this.#patience, repeatable, fence });
    try {
      signal.throwIfAborted();
      const results = await this.#destination.write(operations, watchedCalls(calls, wire));
      faultPoint('export.after-write');
      return { results };
    } catch (error) {
      const cut = wire.isBusy && this.#patience.aborted;
      const inDoubt = (!repeatable || cut) && wire.isBusy && !isWithoutEffect(error);
      if (inDoubt) this.#log.doubt(numbers);
      else if (!repeatable) this.#log.retract(numbers);
      if (!wire.isBusy) signal.throwIfAborted();
      // A connector may have put the reason into its own words.
      if (held !== undefined) throw held.error;
      return { error, inDoubt };
    }
  }

  /** The fence: returns when the next thing may be to send the call. */
  async #pass(numbers: readonly number[], repeatable: boolean): Promise<void> {
    const { signal } = this.#stopped;
    signal.throwIfAborted();
    faultPoint('export.before-journal');
    if (!repeatable) await this.#log.announce(numbers);
    faultPoint('export.before-write');
    await this.#log.confirm(numbers.length);
    signal.throwIfAborted();
  }
}
