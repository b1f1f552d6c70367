import type {
  RecordDestination,
  WriteOperation,
  WriteResult,
} from '../src/connectors/destination.ts';
import { canonicalKey } from '../src/engine/canonical-key.ts';
import type { DecidedOperation } from '../src/engine/match.ts';
import { faultPoint } from '../src/model/fault-point.ts';
import { LimitedError, RejectedError, TransientError } from '../src/model/failure.ts';
import type { Operation, RecordError } from '../src/model/outcome.ts';
import type { JournalOutcome as Outcome } from '../src/store/journal.ts';
import { afterGrace } from './after-grace.ts';
import { hashValues } from './hash-values.ts';
import type { Dependencies, Session } from './session.ts';

/** Calls under way at once; the throttle decides how fast they go. */
const lanes = 16;

/** How long a run that stops waits for the answers to calls under way. Milliseconds. */
const patienceMs = 5_000;

/** An operation that did not succeed. */
export interface Failed {
  readonly operation: Operation;
  readonly error: RecordError;
}

/** The chunk that an attempt writes, and its token (R6). */
export interface Owner {
  readonly run: string;
  readonly no: number;
  readonly token: number;
}

interface Numbered extends WriteOperation, DecidedOperation {
  readonly seq: number;
}

/**
 * Writes a chunk's operations, each at most once per acknowledgement: outcomes are journalled before the next
 * attempt could repeat them, and a create that cannot be repeated is journalled before it is sent. Returns the
 * operations that failed; throws when the destination is down or asks for a long wait.
 */
export async function exportOperations(
  deps: Dependencies,
  session: Session,
  destination: RecordDestination,
  owner: Owner,
  planned: readonly DecidedOperation[],
  signal: AbortSignal,
): Promise<Failed[]> {
  const writer = new Writer(deps, session, destination, owner, signal);
  return writer.write(
    planned.map((operation, seq) => ({
      ...operation,
      seq,
      idempotencyKey: `${owner.run}-${owner.no}-${seq}`,
    })),
  );
}

class Writer {
  readonly #deps: Dependencies;
  readonly #session: Session;
  readonly #destination: RecordDestination;
  readonly #owner: Owner;
  readonly #signal: AbortSignal;
  /** Aborts calls under way that outlast the end of the work. */
  readonly #patience: AbortSignal;
  readonly #outcomes = new Map<number, Outcome>();

  constructor(
    deps: Dependencies,
    session: Session,
    destination: RecordDestination,
    owner: Owner,
    signal: AbortSignal,
  ) {
    this.#deps = deps;
    this.#session = session;
    this.#destination = destination;
    this.#owner = owner;
    this.#signal = signal;
    this.#patience = afterGrace(signal, patienceMs);
  }

  async write(operations: readonly Numbered[]): Promise<Failed[]> {
    await this.#recall(operations);
    const batches = this.#batches(operations.filter(({ seq }) => !this.#outcomes.has(seq)));
    let next = 0;
    let stopped = false;
    const lane = async (): Promise<void> => {
      for (let batch = batches[next++]; batch !== undefined && !stopped; batch = batches[next++]) {
        try {
          await this.#send(batch);
        } catch (error) {
          stopped = true;
          throw error;
        }
      }
    };
    const results = await Promise.allSettled(
      Array.from({ length: Math.min(lanes, batches.length) }, lane),
    );
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    return operations.flatMap((operation) => this.#failure(operation));
  }

  /** Whether making it twice does harm. */
  #isRisky({ operation }: Numbered): boolean {
    return operation === 'create' && !this.#destination.idempotentCreate;
  }

  /** Takes up what an earlier attempt left: its outcomes, and the creates it sent without hearing of them. */
  async #recall(operations: readonly Numbered[]): Promise<void> {
    const sent: Numbered[] = [];
    for (const { seq, outcome } of await this.#deps.store.journal.read(
      this.#owner.run,
      this.#owner.no,
    )) {
      const operation = operations[seq];
      if (outcome !== null) this.#outcomes.set(seq, outcome);
      else if (operation !== undefined && this.#isRisky(operation)) sent.push(operation);
    }
    if (sent.length > 0) await this.#settle(sent);
  }

  /** A create that may have arrived: it did if the destination holds the key now; else nobody knows. */
  async #settle(sent: readonly Numbered[]): Promise<void> {
    const { match } = this.#session.plan.spec;
    const found = (await this.#destination.lookup?.(sent.map(({ key }) => key))) ?? [];
    const held = new Set(found.map(({ key }) => canonicalKey(key, match)));
    await this.#note(
      sent.map((operation) => {
        if (held.has(operation.canonicalKey)) return [operation, { ok: true }] as const;
        const message = 'the answer was lost: the record may or may not have been created';
        return [
          operation,
          { ok: false, code: 'unknown_outcome', message, retryable: true },
        ] as const;
      }),
    );
  }

  #batches(operations: readonly Numbered[]): Numbered[][] {
    const batches: Numbered[][] = [];
    for (const kind of ['remove', 'update', 'create'] as const) {
      const same = operations.filter(({ operation }) => operation === kind);
      const size = this.#destination.batch[kind];
      for (let from = 0; from < same.length; from += size)
        batches.push(same.slice(from, from + size));
    }
    return batches;
  }

  /** Sends a batch; one that is rejected as a whole is split until the records at fault stand alone. */
  async #send(batch: readonly Numbered[]): Promise<void> {
    this.#signal.throwIfAborted();
    const risky = batch[0] !== undefined && this.#isRisky(batch[0]);
    faultPoint('export.before-journal');
    if (risky) await this.#noteSent(batch);
    let results: readonly WriteResult[];
    faultPoint('export.before-write');
    try {
      // A run that stops waits for it a while: a call cut short leaves its outcome unknown.
      results = await this.#destination.write(batch, this.#patience);
    } catch (error) {
      if (this.#patience.aborted && !risky) await this.#noteSent(batch);
      return this.#refused(batch, error, risky);
    }
    faultPoint('export.after-write');
    const again = await this.#settleResults(batch, results);
    if (again.length > 0) await this.#send(again);
  }

  /** Notes that nobody knows what became of these. */
  #noteSent(batch: readonly Numbered[]): Promise<void> {
    return this.#deps.store.journal.write(
      this.#owner,
      batch.map(({ seq }) => ({ seq, outcome: null })),
    );
  }

  async #refused(batch: readonly Numbered[], error: unknown, risky: boolean): Promise<void> {
    if (error instanceof RejectedError) {
      if (batch.length > 1) {
        const middle = Math.ceil(batch.length / 2);
        await this.#send(batch.slice(0, middle));
        return this.#send(batch.slice(middle));
      }
      const { code, message, field } = error;
      const outcome = {
        ok: false,
        code,
        message,
        retryable: true,
        ...(field !== undefined && { field }),
      } as const;
      return this.#note(batch.map((operation) => [operation, outcome]));
    }
    // A refused call had no effect: it is not in doubt any more, and made again when the quota allows.
    if (error instanceof LimitedError) {
      const seqs = batch.map(({ seq }) => seq);
      if (risky) await this.#deps.store.journal.forget(this.#owner, seqs);
      if (error.retryAfterMs !== undefined && error.retryAfterMs > 20_000) throw error;
      return this.#send(batch);
    }
    if (risky && error instanceof TransientError && error.code === 'unknown_outcome')
      return this.#settle(batch);
    throw error;
  }

  /** Journals what is settled; returns the operations to send again. */
  async #settleResults(
    batch: readonly Numbered[],
    results: readonly WriteResult[],
  ): Promise<Numbered[]> {
    const again: Numbered[] = [];
    const settled: [Numbered, Outcome][] = [];
    batch.forEach((operation, index) => {
      const result = results[index];
      if (result === undefined) again.push(operation);
      else if (result.ok) settled.push([operation, result]);
      else if (result.class !== 'record') again.push(operation);
      else {
        const { code, message, field } = result;
        settled.push([
          operation,
          { ok: false, code, message, retryable: true, ...(field !== undefined && { field }) },
        ]);
      }
    });
    await this.#note(settled);
    if (again.length === batch.length) await new Promise((resolve) => setTimeout(resolve, 500));
    return again;
  }

  /** Outcomes become durable, then the ledger learns of the accepted ones (R4). */
  async #note(settled: readonly (readonly [Numbered, Outcome])[]): Promise<void> {
    if (settled.length === 0) return;
    const entries = settled.map(([{ seq }, outcome]) => ({
      seq,
      outcome,
    }));
    await this.#learn(settled.filter(([, { ok }]) => ok));
    faultPoint('export.after-ledger');
    await this.#deps.store.journal.write(this.#owner, entries);
    faultPoint('export.after-journal');
    for (const [{ seq }, outcome] of settled) this.#outcomes.set(seq, outcome);
  }

  async #learn(accepted: readonly (readonly [Numbered, Outcome])[]): Promise<void> {
    const { plan } = this.#session;
    if (this.#destination.lookup !== undefined && plan.spec.removal.scope !== 'tracked') return;
    const { ledger, seal } = this.#deps.store;
    const hash = hashValues(seal);
    const keyHash = (operation: Numbered): Buffer => seal.hash(operation.canonicalKey);
    const removed = accepted.filter(([{ operation }]) => operation === 'remove');
    await ledger.remove(
      plan.sync,
      removed.map(([operation]) => keyHash(operation)),
    );
    const written = accepted.filter(([{ operation }]) => operation !== 'remove');
    await ledger.put(
      plan.sync,
      written.map(([operation, outcome]) => ({
        keyHash: keyHash(operation),
        key: operation.key,
        recordId: (outcome.ok ? outcome.id : undefined) ?? operation.id,
        valueHash: Buffer.from(operation.hash ?? hash(operation.values), 'hex'),
      })),
    );
  }

  #failure({ seq, key, operation }: Numbered): Failed[] {
    const outcome = this.#outcomes.get(seq);
    if (outcome === undefined || outcome.ok) return [];
    const { code, message, field, retryable } = outcome;
    return [
      {
        operation,
        error: { key, operation, code, message, retryable, ...(field !== undefined && { field }) },
      },
    ];
  }
}
