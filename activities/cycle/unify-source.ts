import type { Calls } from '../../src/connectors/contract/calls.ts';
import type { Page } from '../../src/connectors/contract/page.ts';
import type { Source } from '../../src/connectors/contract/source.ts';
import { compileEntity, type EntityPlan, type Incoming } from '../../src/engine/entity/plan.ts';
import { compareTimes, sourceTime } from '../../src/engine/entity/source-time.ts';
import { unify, type Unified } from '../../src/engine/entity/unify.ts';
import { destinationSyncId } from '../../src/model/entity-syncs.ts';
import { nothingKnown } from '../../src/model/field.ts';
import type { RecordId, SourceRecord } from '../../src/model/golden-record.ts';
import { faultPoint } from '../../src/model/fault-point.ts';
import { own } from '../../src/model/own.ts';
import { largestRecord } from '../../src/model/too-large.ts';
import type { EntityChanges } from '../../src/store/entities/golden-records.ts';
import { OvertakenError } from '../../src/store/entities/source-records.ts';
import type { Position } from '../../src/store/entities/positions.ts';
import type { Chunks } from '../../src/store/runs/chunks.ts';
import type { Database } from '../../src/store/database/database.ts';
import type { Store } from '../../src/store/store.ts';
import type { CycleActivities } from '../activities.ts';
import { withoutLargeRecords } from '../paths/keyed/cut-chunks.ts';
import type { WorkerDependencies } from '../session/with-session.ts';
import { supervised } from '../host/supervised.ts';
import { stageCounts } from './stage-counts.ts';
import { loadChunk, findStored, type FoundStored, type LoadedChunk } from './load-chunk.ts';
import {
  openEntity,
  sourceOf,
  withSource,
  type OpenEntity,
  type ReadingKind,
} from '../entity/entity.ts';
import { claimNextChunk } from '../host/attempt.ts';
import { CommitQueue } from './commit-queue.ts';
import { possiblySharedKeys } from './shared-keys.ts';
import { tombstoneReader } from './tombstone-reader.ts';
import { missingAs, unlessMissing } from '../entity/missing-sources.ts';
import { passOf } from '../entity/passes.ts';
import type { UncommittedChunk } from './uncommitted-chunk.ts';

/** The most records that are decided and saved together. */
const chunkLimit = { records: 3_000, bytes: 16 << 20, record: largestRecord };

/** Records that were read, and the position after them. */
interface Read {
  readonly incoming: readonly Incoming[];
  readonly cursor: string | null;
  readonly highest: string | null;
  /** The number of records that the pass before has read already. They do not count for the batch. */
  readonly again: number;
}

/**
 * Reads a source's changes, at most a batch of them, and unifies them chunk by chunk. Each chunk is committed with the
 * cursor of its page in one transaction (R2), so a repeated attempt goes on after the last one.
 */
export function unifySource(deps: WorkerDependencies): CycleActivities['unifySource'] {
  return ({ run, entity: id, source: name, reading }) =>
    supervised(deps, run, async (signal) => {
      await deps.store.runProgress.enter(run, 'read');
      const entity = await openEntity(deps.store, id, run);
      const spec = sourceOf(entity.spec, name);
      const read = await unlessMissing(deps.store, run, entity, name, () =>
        withSource(deps.sessions, run, spec, reading, signal, (open) => {
          const unifier = new Unifier(deps.store, { run, entity, name, reading, ...open, signal });
          return unifier.run();
        }),
      );
      return read ?? { more: false, ...missingAs(entity, name) };
    });
}

/** A chunk that this attempt has claimed. */
interface Owned {
  readonly no: number;
  readonly token: number;
}

interface Work {
  readonly run: string;
  readonly entity: OpenEntity;
  readonly name: string;
  readonly reading: Exclude<ReadingKind, 'ids'>;
  readonly source: Source;
  readonly calls: Calls;
  readonly signal: AbortSignal;
}

class Unifier {
  readonly #store: Store;
  readonly #work: Work;
  readonly #plan: EntityPlan;
  readonly #chunks: Chunks;
  readonly #batch: number;
  readonly #isFull: boolean;

  constructor(store: Store, work: Work) {
    const { entity, name, reading, source } = work;
    this.#store = store;
    this.#work = work;
    this.#plan = compileEntity(entity.spec, (one) =>
      one === name && reading === 'changes' ? source : nothingKnown,
    );
    this.#chunks = store.chunks.of({ source: name, reading });
    const { batch, full } = sourceOf(entity.spec, name).source;
    this.#batch = batch;
    this.#isFull = full;
  }

  /**
   * Unifies a batch.
   * @returns `more`: the source holds further changes; `waits`: they can only be read once a run that writes to the
   *   system has noted the records that it made there
   */
  async run(): Promise<{ more: boolean; waits?: boolean }> {
    const { run, name, reading, signal } = this.#work;
    const pass = await passOf(this.#store, run, { source: name, reading });
    if (pass === null) throw new Error(`cycle ${run} has not settled what to read`);
    const before = await this.#chunks.lastExported(run);
    if (before?.last === true) return { more: await this.#hasNewer(pass) };
    const done = (before?.imported ?? 0) - (before?.again ?? 0);
    let [no, left] = [before?.no ?? -1, this.#batch - done];
    if (left <= 0) return { more: true };
    const commits = new CommitQueue();
    let next = this.#next((no += 1), before?.cursor ?? pass.cursor, pass, left);
    for (;;) {
      const { owned, read, found } = await next;
      signal.throwIfAborted();
      left -= read.incoming.length - read.again;
      const isLast = read.cursor === null;
      if (!isLast && left > 0) {
        next = this.#next((no += 1), read.cursor, pass, left);
        next.catch(() => undefined);
      }
      if (found === undefined) {
        if (!(await this.#alone(owned, read, pass))) return { more: true, waits: true };
      } else {
        const { unified, loaded } = await this.#unify(read, pass, {
          found,
          uncommitted: commits.uncommitted,
        });
        const isNew = isUnknown(loaded);
        const save = await this.#prepare(unified, loaded, { isNew });
        await commits.next(unified, () => this.#commit(owned, read, unified, save));
      }
      if (!isLast && left > 0) continue;
      await commits.all();
      return { more: !isLast || (await this.#hasNewer(pass)) };
    }
  }

  /**
   * True when a pass that an earlier cycle began leaves newer records to the next one. Records with the watermark of
   * its end do not count, since every pass reads them again: a table whose rows all have one time would never be read
   * to its end.
   */
  async #hasNewer({ cursor, until }: Position): Promise<boolean> {
    if (cursor === null || this.#isFull) return false;
    const highest = (await this.#work.source.highWatermark?.(this.#work.calls)) ?? null;
    return highest !== null && highest !== until;
  }

  /**
   * Reads a chunk and looks it up while the one before is being decided. Changes not committed yet are laid over later.
   */
  async #next(
    no: number,
    cursor: string | null,
    pass: Position,
    left: number,
  ): Promise<{ owned: Owned; read: Read; found?: FoundStored }> {
    const read = await this.#read(cursor, pass, left);
    const owned = { no, token: await claimNextChunk(this.#chunks, this.#work.run, no) };
    if (this.#isDestination) return { owned, read };
    const { entity, name } = this.#work;
    const asked = { system: name, incoming: read.incoming };
    return { owned, read, found: await findStored(this.#store, entity, this.#plan, asked) };
  }

  async #read(
    cursor: string | null,
    { since, until, readTo }: Position,
    left: number,
  ): Promise<Read> {
    const { source, calls } = this.#work;
    const records = Math.min(chunkLimit.records, left);
    faultPoint('unify.before-read');
    const page = await source.read(
      {
        cursor,
        since,
        until,
        fields: this.#needed(),
        limit: { ...chunkLimit, records },
      },
      calls,
    );
    const incoming = await this.#incoming(page);
    const { cursor: next, highest = null } = page.end();
    return { incoming, cursor: next, highest, again: readBefore(incoming, readTo) };
  }

  #needed(): readonly string[] {
    const { entity, name, reading } = this.#work;
    if (reading === 'changes') return this.#plan.sources[name]?.needed ?? [];
    const { deleted } = sourceOf(entity.spec, name);
    return typeof deleted === 'object' && 'stream' in deleted
      ? [deleted.id, deleted.watermark]
      : [];
  }

  async #incoming(page: Page): Promise<Incoming[]> {
    const { name, reading } = this.#work;
    const incoming: Incoming[] = [];
    for await (const whole of page.batches()) {
      const batch = withoutLargeRecords(whole, chunkLimit.record);
      const faults = new Map(batch.faults?.map(({ row, ...fault }) => [row, fault]));
      const reader =
        reading === 'changes'
          ? this.#plan.sources[name]?.reader
          : tombstoneReader(name, this.#needed());
      const read = reader?.(batch.fields, batch.encoding);
      if (read === undefined) throw new Error(`no source ${name}`);
      for (const [at, row] of batch.rows.entries()) incoming.push(read(row, faults.get(at)));
    }
    return incoming;
  }

  /** True when the system that is read is a destination too: runs change what is known of its records. */
  get #isDestination(): boolean {
    const { entity, name } = this.#work;
    return own(entity.spec.destinations, name) !== undefined;
  }

  /**
   * Unifies and commits a chunk of a system that is a destination too. Repeats it when a run has changed what is known
   * of the chunk's records meanwhile.
   * @returns false when nothing was committed, because unknown records may be ones that Sluice is just creating there
   */
  async #alone(owned: Owned, read: Read, pass: Position): Promise<boolean> {
    for (;;) {
      // The order matters: read the records, ask for the run, look up the ids. A run that is over by now has noted the
      // ids of the records that it made.
      const isBeingWritten = await this.#isBeingWritten();
      const { unified, loaded } = await this.#unify(read, pass);
      if (loaded.unknown > 0 && isBeingWritten) return false;
      try {
        await this.#commit(
          owned,
          read,
          unified,
          await this.#prepare(unified, loaded, { held: loaded.stored }),
        );
        return true;
      } catch (error) {
        if (!(error instanceof OvertakenError)) throw error;
        this.#work.signal.throwIfAborted();
      }
    }
  }

  async #unify(
    { incoming }: Read,
    { restores = false }: Position,
    ahead: { found?: FoundStored; uncommitted?: readonly UncommittedChunk[] } = {},
  ): Promise<{ unified: Unified; loaded: LoadedChunk }> {
    const { entity, name, reading } = this.#work;
    const wanted = { system: name, incoming, ...ahead };
    const loaded = await loadChunk(this.#store, entity, this.#plan, wanted);
    faultPoint('unify.after-load');
    const ids = await this.#store.records.newIds(loaded.mostNew);
    const unified = unify(this.#plan, loaded, incoming, {
      cycle: entity.openCycle,
      now: Date.now(),
      restored: restores && reading === 'changes',
      retold: restores && reading === 'tombstones',
      newId: () => nextOf(ids),
    });
    return { unified, loaded };
  }

  /** Makes a chunk ready to be saved. */
  #prepare(
    unified: Unified,
    loaded: LoadedChunk,
    more: Pick<EntityChanges, 'held' | 'isNew'>,
  ): Promise<(tx: Database) => Promise<void>> {
    const { run, entity } = this.#work;
    const { openCycle: cycle, ref } = entity;
    const mayShare = possiblySharedKeys(this.#plan, loaded, unified);
    return this.#store.records.prepare(ref, { ...unified, ...more, cycle, run, mayShare });
  }

  /**
   * Commits a chunk.
   * @throws OvertakenError when the stored records that it was decided by have changed
   */
  async #commit(
    { no, token }: Owned,
    { incoming, cursor, highest, again }: Read,
    unified: Unified,
    save: (tx: Database) => Promise<void>,
  ): Promise<void> {
    const { run, name } = this.#work;
    const commit = {
      state: 'exported',
      cursor: { value: cursor, last: cursor === null, highest },
      stats: unified.stats,
      counts: { ...stageCounts(name, incoming.length, unified), ...(again > 0 && { again }) },
      errors: unified.errors,
    } as const;
    await this.#chunks.commit(run, no, token, commit, save);
    faultPoint('unify.after-commit');
  }

  /** True when a run is writing to the system that is read. Then that may hold records whose ids are not noted yet. */
  async #isBeingWritten(): Promise<boolean> {
    const { entity, name } = this.#work;
    const sync = destinationSyncId(entity.id, name);
    const { runs, jobs } = this.#store;
    return (await runs.openRunOf(sync)) !== null || (await jobs.areWritingFor(sync));
  }
}

/**
 * Counts the records that an earlier pass has read already. A pass begins somewhat before the end of the last one, and reads
 * records without a watermark every time. If they counted for the batch, a small one would hold up what is new.
 */
function readBefore(incoming: readonly Incoming[], readTo: string | undefined): number {
  const end = sourceTime(readTo);
  if (end === null) return 0;
  return incoming.filter(
    (one) => 'source' in one && (one.at === null || compareTimes(one.at, end) <= 0),
  ).length;
}

/** Returns a function that tells whether a source record was unknown when the chunk was loaded. */
function isUnknown({ sourceRecords }: LoadedChunk): (record: SourceRecord) => boolean {
  const known = new Set(sourceRecords.map(({ id }) => id));
  return ({ id }) => !known.has(id);
}

/** Takes the first id, so that ids are given out in ascending order. */
function nextOf(ids: RecordId[]): RecordId {
  const id = ids.shift();
  if (id === undefined) throw new Error('a chunk makes more records than there are ids for');
  return id;
}
