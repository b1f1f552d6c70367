import type { RemovalPlan } from '../../../src/connectors/contract/target.ts';
import type { Page } from '../../../src/connectors/contract/page.ts';
import { operationsCodec } from '../../../src/engine/run/chunk-codec.ts';
import type { DecidedOperation } from '../../../src/engine/match/match.ts';
import { faultPoint } from '../../../src/model/fault-point.ts';
import { editedCode, type Operation, type Stats } from '../../../src/model/outcome.ts';
import { previewSize, type PreviewPart } from '../../../src/model/preview.ts';
import type { ChunkCommit } from '../../../src/store/runs/chunks.ts';
import type { ChunkLimit, Path, Removed, Staged, Waiting } from '../path.ts';
import type { Step } from '../step.ts';
import { inTurns } from '../../host/in-turns.ts';
import { decideDeferred, matchStaged } from './match-staged.ts';
import { sampleOf } from './sample.ts';
import { settleByJournal } from './settle-by-journal.ts';
import type { KeyedWork, FailedOperation, WriteOperations } from './keyed-work.ts';

/** The differences between the two kinds of keyed destinations. */
interface Kind {
  readonly kind: 'records' | 'jobs';
  readonly startsOver: boolean;
  /** Returns the size at which the next chunk is full. */
  limit(): Promise<ChunkLimit>;
  readonly write: WriteOperations;
  /** Learns what became of what a run that ends early has sent. Absent: the journal tells all that can be known. */
  settle?(signal: AbortSignal): Promise<void>;
}

/**
 * The path to a destination whose records are looked up by key and written one by one. Between the steps a chunk rests
 * as records, then as the operations that are due, sealed in the state database.
 */
export class KeyedPath implements Path {
  readonly kind: Kind['kind'];
  readonly removes: Path['removes'];
  readonly startsOver: boolean;
  readonly #work: KeyedWork;
  readonly #kind: Kind;

  constructor(work: KeyedWork, kind: Kind) {
    this.#work = work;
    this.#kind = kind;
    this.kind = kind.kind;
    this.startsOver = kind.startsOver;
    this.removes = work.books.removes;
  }

  get preview(): PreviewPart {
    if (this.#work.destination.lookup !== undefined) return { canRead: true };
    const reason =
      'the destination cannot be read: what this sync has written before decides, by keyed hashes, so no old values are known';
    return { canRead: false, reason };
  }

  limit(): Promise<ChunkLimit> {
    return this.#kind.limit();
  }

  stage(step: Step, page: Page, limit: ChunkLimit): Promise<Staged> {
    return this.#work.records.stage(step, page, limit);
  }

  match(step: Step): Promise<{ waits: boolean }> {
    return matchStaged(this.#work, step);
  }

  async export(step: Step): Promise<Stats | Waiting> {
    const { chunks, errors, previews } = this.#work.store;
    const { run, chunk, token } = step;
    await chunks.claim(run, chunk, token);
    await decideDeferred(this.#work, step);
    const planned = (await chunks.get(run, chunk))?.stats;
    if (planned === undefined) throw new Error(`chunk ${chunk} is not matched`);
    const operations = await this.#staged(step);
    const matched = await errors.ofChunk(run, chunk);
    if (this.#isDryRun) await previews.put(run, chunk, { changes: sampleOf(operations) });
    const failed = this.#isDryRun ? [] : await this.#kind.write(step, operations);
    if ('waitMs' in failed) return failed;
    const stats = withOutcomes(planned, operations, failed);
    faultPoint('export.before-commit');
    const refused = failed.filter((one) => !isEdited(one)).map(({ error }) => error);
    const all = [...matched, ...refused];
    await this.#commit(step, { state: 'exported', stats, errors: all });
    faultPoint('export.after-commit');
    return stats;
  }

  /** Stages an operation for each record that is to be removed. */
  async planRemoval({ run, chunk, token, signal }: Step): Promise<RemovalPlan> {
    const { removals, of } = await this.#work.books.toRemove(signal);
    const { chunks } = this.#work.store;
    await chunks.claim(run, chunk, token);
    await chunks.commit(run, chunk, token, {
      state: 'matched',
      stage: { operations: await inTurns(operationsCodec.encode(removals)) },
    });
    const sample = removals.slice(0, previewSize).map(({ key }) => key);
    return { remove: removals.length, of, sample };
  }

  imported(): Promise<number> {
    return this.#work.books.imported();
  }

  get leastRecords(): number {
    return this.#work.destination.leastRecords ?? 0;
  }

  async remove(step: Step): Promise<Removed | Waiting> {
    const operations = await this.#staged(step);
    const failed = this.#isDryRun ? [] : await this.#kind.write(step, operations);
    if ('waitMs' in failed) return failed;
    const errors = failed.map(({ error }) => error);
    return { removed: operations.length - failed.length, errors };
  }

  async finish(written: number, signal: AbortSignal): Promise<void> {
    faultPoint('close.before-tidy');
    if (this.#isDryRun) return;
    const { ends, destination } = this.#work;
    await destination.finish?.(ends.run, written, ends.callDestination({ signal }));
    await this.#work.books.close?.();
  }

  async forget(signal: AbortSignal): Promise<void> {
    const { ends, destination } = this.#work;
    await destination.forget?.(ends.run, ends.callDestination({ signal }));
  }

  async settle(signal: AbortSignal): Promise<void> {
    await this.#kind.settle?.(signal);
    await settleByJournal(this.#work.store, this.#work.ends.run);
  }

  abandon(_keepSeen: boolean, signal: AbortSignal): Promise<void> {
    return this.forget(signal);
  }

  /** Commits a chunk, and notes the records that could not be written. */
  #commit(
    { run, chunk, token }: Step,
    commit: ChunkCommit & Required<Pick<ChunkCommit, 'errors'>>,
  ): Promise<void> {
    const { store, books } = this.#work;
    const notes = books.refuse !== undefined && commit.errors.length > 0 && !this.#isDryRun;
    return store.chunks.commit(
      run,
      chunk,
      token,
      commit,
      notes ? async (db) => books.refuse?.(commit.errors, db) : undefined,
    );
  }

  async #staged({ run, chunk }: Step): Promise<DecidedOperation[]> {
    const text = await this.#work.store.staged.get(run, chunk, 'operations');
    return text === null ? [] : inTurns(operationsCodec.decode(text));
  }

  get #isDryRun(): boolean {
    return this.#work.ends.plan.options.dryRun === true;
  }
}

/** Adds the outcomes of the operations to the counts of matching. */
function withOutcomes(
  matched: Stats,
  operations: readonly DecidedOperation[],
  failed: readonly FailedOperation[],
): Stats {
  const edited = failed.filter(isEdited).length;
  const succeeded = (name: Operation): number =>
    operations.filter(({ operation }) => operation === name).length -
    failed.filter(({ operation }) => operation === name).length;
  return {
    ...matched,
    created: succeeded('create'),
    updated: succeeded('update'),
    skipped: { ...matched.skipped, edited: matched.skipped.edited + edited },
    errors: matched.errors + failed.length - edited,
  };
}

/** True when the operation was not sent, because its record was edited at the destination meanwhile. */
function isEdited({ error }: FailedOperation): boolean {
  return error.code === editedCode;
}
