import type { RecordDestination, WriteResult } from '../../src/connectors/contract/records.ts';
import { faultPoint } from '../../src/model/fault-point.ts';
import {
  ConfigError,
  LimitedError,
  RejectedError,
  TransientError,
} from '../../src/model/failure.ts';
import type { ChunkLog } from './chunk-log.ts';
import type { Numbered } from './write-jobs.ts';

/** What a call came to. `inDoubt`: a call that may have taken effect, and must not be made again or was cut short. */
export type Sent =
  | { readonly results: readonly WriteResult[] }
  | { readonly error: unknown; readonly inDoubt: boolean };

/**
 * Makes calls for as long as the chunk is the attempt's own (R6). Whatever waits for the quota when it is stopped, or
 * when the chunk is lost, is never sent; what is on the wire is waited for, a while.
 */
export class Sender {
  readonly #destination: RecordDestination;
  readonly #log: ChunkLog;
  readonly #chunk: number;
  readonly #patience: AbortSignal;
  readonly #waiting = new Set<(error: unknown) => void>();
  #stopped: { readonly error: unknown } | undefined;

  /** @param patience cuts what is on the wire */
  constructor(
    destination: RecordDestination,
    log: ChunkLog,
    { chunk, patience }: { chunk: number; patience: AbortSignal },
  ) {
    this.#destination = destination;
    this.#log = log;
    this.#chunk = chunk;
    this.#patience = patience;
  }

  /** Lets no call go out any more. */
  stop(error: unknown): void {
    this.#stopped ??= { error };
    for (const giveUp of this.#waiting) giveUp(error);
  }

  /**
   * @param risky the call must not be made twice: it is announced in the journal first
   * @throws why the call was not sent
   */
  async send(operations: readonly Numbered[], risky: boolean): Promise<Sent> {
    const numbers = operations.map(({ seq }) => seq);
    let held: { readonly error: unknown } | undefined;
    let onWire = false;
    const beforeSend = async (): Promise<void> => {
      try {
        this.#check();
        faultPoint('export.before-journal');
        if (risky) await this.#log.announce(numbers);
        faultPoint('export.before-write');
        await this.#log.confirm(numbers.length);
        this.#check();
        onWire = true;
      } catch (error) {
        held = { error };
        throw error;
      }
    };
    try {
      this.#check();
      const write = this.#destination.write(operations, {
        beforeSend,
        signal: this.#patience,
        chunk: this.#chunk,
      });
      const results = await this.#unlessStopped(write, () => onWire);
      faultPoint('export.after-write');
      return { results };
    } catch (error) {
      const cut = onWire && this.#patience.aborted;
      const inDoubt = (risky || cut) && onWire && !isWithoutEffect(error);
      if (inDoubt) this.#log.doubt(numbers);
      else if (risky) this.#log.retract(numbers);
      if (!onWire && this.#stopped !== undefined) throw this.#stopped.error;
      // A connector may have put the reason into its own words.
      if (held !== undefined) throw held.error;
      return { error, inDoubt };
    }
  }

  #check(): void {
    if (this.#stopped !== undefined) throw this.#stopped.error;
  }

  async #unlessStopped<T>(call: Promise<T>, onWire: () => boolean): Promise<T> {
    let giveUp: ((error: unknown) => void) | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        giveUp = (error) => {
          if (!onWire()) reject(error);
        };
        this.#waiting.add(giveUp);
        call.then(resolve, reject);
      });
    } finally {
      if (giveUp !== undefined) this.#waiting.delete(giveUp);
    }
  }
}

/** Whether a call that failed like this certainly changed nothing. */
function isWithoutEffect(error: unknown): boolean {
  if (error instanceof ConfigError) return error.code !== 'unexpected_answer';
  if (error instanceof TransientError) return error.code === 'unreachable';
  return error instanceof LimitedError || error instanceof RejectedError;
}
