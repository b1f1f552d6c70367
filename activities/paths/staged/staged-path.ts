import type { RemovalPlan } from '../../../src/connectors/contract/target.ts';
import type { Page } from '../../../src/connectors/contract/page.ts';
import type { StagedRow, StagingDestination } from '../../../src/connectors/contract/staging.ts';
import { stageLayout, type Staging } from '../../../src/engine/mapping/stage-layout.ts';
import type { ParentOf } from '../../../src/engine/mapping/parent.ts';
import { faultPoint } from '../../../src/model/fault-point.ts';
import { permissionsOf } from '../../../src/model/mode.ts';
import { noStats, type Stats } from '../../../src/model/outcome.ts';
import type { RecordBatch } from '../../../src/model/record.ts';
import { isOver } from '../../../src/model/run.ts';
import { largestRecord } from '../../../src/model/too-large.ts';
import type { Store } from '../../../src/store/store.ts';
import type { ChunkLimit, Path, Removed, Staged, Step } from '../path.ts';
import type { Ends } from '../../session/ends.ts';
import { withoutLargeRecords } from '../keyed/cut-chunks.ts';
import { commitCorrected, settleApplied, addFiltered } from './applied.ts';

/** The largest chunk that a database stages; a set statement over it takes about a second. */
const stagedLimit = { records: 100_000, bytes: 64 << 20, record: largestRecord };
/** The rows of the first chunk, small so that the export can begin soon. Each further chunk has twice as many. */
const firstRecords = 25_000;

/** The path into a database: rows go straight into a staging table there, then one transaction applies them. */
export class StagedPath implements Path {
  readonly kind = 'staging';
  readonly removes: Path['removes'];
  readonly startsOver = false;
  readonly preview = { canRead: true };
  readonly #store: Store;
  readonly #ends: Ends;
  readonly #destination: StagingDestination;
  readonly #staging: Staging;

  constructor(store: Store, ends: Ends, destination: StagingDestination) {
    const { spec } = ends.plan;
    this.#store = store;
    this.#ends = ends;
    this.#destination = destination;
    this.#staging = stageLayout(ends.mapping, ends.source, spec.match);
    this.removes = permissionsOf(spec.mode).remove ? 'unseen' : 'nothing';
  }

  limit(chunk: number): Promise<ChunkLimit> {
    const records = Math.min(stagedLimit.records, firstRecords * 2 ** chunk);
    return Promise.resolve({ ...stagedLimit, records });
  }

  async stage({ run, chunk, token, signal }: Step, page: Page): Promise<Staged> {
    const { chunks } = this.#store;
    const { mapping, parents } = this.#ends;
    const { layout, rowStager } = this.#staging;
    const calls = this.#ends.callDestination({ signal });
    await chunks.claim(run, chunk, token);
    const reference = { run, chunk, token };
    const counts = { filtered: 0 };
    faultPoint('import.before-stage');
    if (mapping.plain && page.copy !== undefined && this.#destination.acceptsCopy(layout)) {
      await this.#destination.stageCopy(reference, layout, page.copy, calls);
    } else {
      const rows = stagedRows(page, rowStager, counts, (batch) =>
        parents.of(mapping.parents, batch, signal),
      );
      await this.#destination.stageRows(reference, layout, rows, calls);
    }
    const { cursor, records, highest = null } = page.end();
    faultPoint('import.after-stage');
    const stats = {
      ...noStats,
      imported: records,
      skipped: { ...noStats.skipped, filter: counts.filtered },
    };
    try {
      await chunks.commit(run, chunk, token, {
        state: 'staged',
        cursor: { value: cursor, last: cursor === null, highest },
        stats,
      });
    } catch (error) {
      await this.#cleanUpIfRunIsOver(signal);
      throw error;
    }
    faultPoint('import.after-commit');
    return { chunks: 1, records, done: cursor === null };
  }

  match(): Promise<{ waits: boolean }> {
    return Promise.reject(new Error('a staged chunk is matched as it is applied'));
  }

  async export({ run, chunk, token, signal }: Step): Promise<Stats> {
    const { chunks, previews } = this.#store;
    await chunks.claim(run, chunk, token);
    const state = await chunks.get(run, chunk);
    if (state === null) throw new Error(`chunk ${chunk} is not staged`);
    const reference = { run, chunk, token: state.stagedBy };
    const calls = this.#ends.callDestination({ signal });
    faultPoint('export.before-apply');
    const { stats, errors, sample } = await this.#destination.apply(
      reference,
      this.#staging.layout,
      { dryRun: this.#isDryRun },
      calls,
    );
    faultPoint('export.after-apply');
    if (sample !== undefined) await previews.put(run, chunk, { changes: sample });
    const whole = addFiltered(stats, state.stats);
    await chunks.commit(run, chunk, token, { state: 'exported', stats: whole, errors });
    faultPoint('export.after-commit');
    return whole;
  }

  async planRemoval({ run, signal }: Step): Promise<RemovalPlan> {
    const plan = await this.#destination.planRemoval(run, this.#ends.callDestination({ signal }));
    await this.#cleanUpIfRunIsOver(signal);
    return plan;
  }

  imported(): Promise<number> {
    return this.#store.chunks.importedInAll(this.#ends.run);
  }

  get leastRecords(): number {
    return this.#destination.leastRecords ?? 0;
  }

  async remove({ run, signal }: Step): Promise<Removed> {
    const calls = this.#ends.callDestination({ signal });
    if (!this.#isDryRun) return this.#destination.remove(run, calls);
    return { removed: (await this.#destination.planRemoval(run, calls)).remove, errors: [] };
  }

  async finish(_written: number, signal: AbortSignal): Promise<void> {
    const { run } = this.#ends;
    const calls = this.#ends.callDestination({ signal });
    if (!this.#isDryRun) {
      const corrected = await this.#destination.applyLate(run, this.#staging.layout, calls);
      faultPoint('close.after-late');
      for (const [no, result] of corrected)
        await commitCorrected(this.#store.chunks, run, no, result);
    }
    faultPoint('close.before-tidy');
    await this.#destination.cleanUp(run, calls);
  }

  /** Does nothing: `finish` has dropped everything. */
  async forget(): Promise<void> {}

  async settle(signal: AbortSignal): Promise<void> {
    const { run } = this.#ends;
    const applied = await this.#destination.applied(run, this.#ends.callDestination({ signal }));
    await settleApplied(this.#store, run, applied);
  }

  async abandon(keepSeen: boolean, signal: AbortSignal): Promise<void> {
    const calls = this.#ends.callDestination({ signal });
    await this.#destination.cleanUp(this.#ends.run, calls, { keepSeen });
  }

  get #isDryRun(): boolean {
    return this.#ends.plan.options.dryRun === true;
  }

  /** Drops the rows that this attempt staged, if its run ended while it was frozen: nobody else would (R6). */
  async #cleanUpIfRunIsOver(signal: AbortSignal): Promise<void> {
    const { run } = this.#ends;
    const now = await this.#store.runs.get(run);
    if (now === null || !isOver(now.status)) return;
    await this.#destination.cleanUp(run, this.#ends.callDestination({ signal }));
  }
}

async function* stagedRows(
  page: Page,
  rowStager: Staging['rowStager'],
  counts: { filtered: number },
  parentsOf: (batch: RecordBatch) => Promise<ParentOf>,
): AsyncIterable<readonly StagedRow[]> {
  for await (const whole of page.batches()) {
    const batch = withoutLargeRecords(whole, stagedLimit.record);
    const faultAt = new Map(batch.faults?.map(({ row, ...fault }) => [row, fault]));
    const stageRow = rowStager(batch.fields, await parentsOf(batch));
    const all = batch.rows.map((row, at) => stageRow(row, faultAt.get(at)));
    const rows = all.filter((row) => row !== null);
    counts.filtered += batch.rows.length - rows.length;
    yield rows;
  }
}
