import type { RecordDestination, WriteResult } from '../../src/connectors/contract/records.ts';
import { faultPoint } from '../../src/model/fault-point.ts';
import type { MakeCalls } from '../quota/paced-calls.ts';
import type { ChunkLog } from './chunk-log.ts';
import { isWithoutEffect, watchedCalls } from './watched-calls.ts';
import type { Numbered } from './write-batches.ts';

/**
 * The result of a call. `inDoubt` is true for a call that may have taken effect, and that must not be made again or was
 * cut.
 */
export type Sent =
  | { readonly results: readonly WriteResult[] }
  | { readonly error: unknown; readonly inDoubt: boolean };

/**
 * Makes calls as long as the chunk is the attempt's own (R6). When the sender is stopped or the chunk is lost, a call
 * that waits for the quota is never sent, and a call on the wire is waited for, but not for ever.
 */
export class Sender {
  readonly #destination: RecordDestination;
  readonly #makeCalls: MakeCalls;
  readonly #log: ChunkLog;
  readonly #patience: AbortSignal;
  readonly #stopped = new AbortController();

  /** @param patience cuts the calls on the wire when it is aborted */
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

  /** Lets no further call be sent. */
  stop(error: unknown): void {
    this.#stopped.abort(error);
  }

  /**
   * Sends operations in one call.
   * @param repeatable false when the call must not be made twice; then it is announced in the journal first
   * @throws the reason why the call was not sent
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
      // The connector may have wrapped the fence's error: the error itself tells what to do.
      if (held !== undefined) throw held.error;
      return { error, inDoubt };
    }
  }

  /** Returns when the call may be sent right away. This is the fence in the terms of its calls. */
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
