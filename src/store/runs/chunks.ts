import { sql, type RawBuilder, type Selectable } from 'kysely';
import { faultPoint } from '../../model/fault-point.ts';
import type { ChunkSpeed } from '../../model/chunk-speed.ts';
import type { RecordError, Stats } from '../../model/outcome.ts';
import type { Database } from '../database/database.ts';
import type { Schema } from '../database/schema.ts';
import { finalToken, SupersededError } from './fencing.ts';
import { RecordErrors } from './record-errors.ts';
import type { RunStart } from '../../model/run.ts';
import type { Seal } from '../sealing/seal.ts';
import { seriesKey, type ChunkSeries } from './readings.ts';
import { seenBy, SeenKeys } from './seen-keys.ts';
import { StagedTexts, type Stage } from './staged-texts.ts';

/** `interrupted`: the run ended before the chunk was written whole; what was written of it counts. */
type State = 'claimed' | 'staged' | 'matched' | 'exported' | 'interrupted';

/** The state of one chunk. */
export interface ChunkState {
  /** The token of the attempt that staged the chunk. */
  readonly stagedBy: number;
  readonly state: State;
  readonly cursor: string | null;
  readonly last: boolean;
  readonly stats: Stats;
}

type ChunkRow = Selectable<Schema['chunks']>;

/** A chunk whose export has not ended. */
export interface Unfinished {
  readonly no: number;
  /** The counts with which it was staged; null where nothing was staged, as for a removal. */
  readonly staged: Stats | null;
  /** True where its export may have begun. */
  readonly exporting: boolean;
}

/** A step of a chunk, committed by the attempt that owns the chunk, all or nothing. */
export interface ChunkCommit {
  readonly state: State;
  readonly cursor?: {
    readonly value: string | null;
    readonly last: boolean;
    /** The highest watermark of the whole read so far. */
    readonly highest?: string | null;
  };
  readonly stats?: Stats;
  /** Further counts of a cycle, by name. */
  readonly counts?: Readonly<Record<string, number>>;
  readonly errors?: readonly RecordError[];
  readonly stage?: Stage;
  readonly seen?: readonly Buffer[];
}

/** The chunks of runs: who owns them, what rests in them, what became of them. */
export class Chunks {
  readonly #db: Database;
  readonly #seal: Seal;
  readonly #errors: RecordErrors;
  readonly #staged: StagedTexts;
  readonly #seen: SeenKeys;
  readonly #series: string;

  /** @param series the part of a cycle whose chunks these are. Default: those of a sync's run */
  constructor(db: Database, seal: Seal, series?: ChunkSeries) {
    this.#db = db;
    this.#seal = seal;
    this.#series = seriesKey(series);
    this.#errors = new RecordErrors(db, seal, series);
    this.#staged = new StagedTexts(db, seal);
    this.#seen = new SeenKeys(db);
  }

  /** The chunks of a part of a cycle. */
  of(series: ChunkSeries): Chunks {
    return new Chunks(this.#db, this.#seal, series);
  }

  /**
   * Makes the caller the chunk's owner and every earlier owner a stranger (R6); returns the chunk's state.
   * @param token greater than that of every earlier attempt
   * @throws SupersededError when a later attempt owns the chunk already, or the run is over
   */
  async claim(run: string, no: number, token: number): Promise<ChunkState['state']> {
    const { rows } = await sql<{ state: ChunkState['state'] }>`
      insert into chunks (run, reading, no, token, claimed_at)
        select id, ${this.#series}, ${no}::int, ${token}::bigint, clock_timestamp() from runs
        where id = ${run} and (finished_at is null or ${token}::bigint = ${finalToken}::bigint)
      on conflict (run, reading, no) do update set token = excluded.token, claimed_at = excluded.claimed_at
        where chunks.token <= excluded.token
      returning state`.execute(this.#db);
    if (rows[0] === undefined) throw new SupersededError(run, no);
    return rows[0].state;
  }

  /** Lets no attempt commit anything to chunks of a run that is over (R6); waits for one that is just doing it. */
  async fenceOff(run: string): Promise<void> {
    await sql`update chunks set token = ${finalToken} where run = ${run}`.execute(this.#db);
  }

  async get(run: string, no: number): Promise<ChunkState | null> {
    const { rows } =
      await sql<ChunkRow>`select * from chunks where run = ${run} and reading = ${this.#series} and no = ${no}`.execute(
        this.#db,
      );
    return rows[0] === undefined ? null : toState(rows[0], this.#seal);
  }

  /** The highest watermark that a complete read has met; null if it met none, or is not complete. */
  async highest(run: string): Promise<string | null> {
    const { rows } = await sql<{ highest: Buffer | null }>`
      select highest from chunks where run = ${run} and reading = ${this.#series} and last`.execute(
      this.#db,
    );
    const highest = rows[0]?.highest ?? null;
    return highest && this.#seal.open(highest).toString();
  }

  /** The chunks whose export has not ended. */
  async unfinished(run: string): Promise<Unfinished[]> {
    const { rows } = await sql<ChunkRow & { no: number; exporting: boolean }>`
      select c.*, case staged_by when 0 then exists (select 1 from chunks l where l.run = c.run and l.reading = c.reading and l.last)
        else token > staged_by end as exporting
      from chunks c where run = ${run} and reading = ${this.#series} and state not in ('exported', 'interrupted') order by no`.execute(
      this.#db,
    );
    return rows.map((row) => ({
      no: row.no,
      staged: row.staged_by === '0' ? null : toState(row, this.#seal).stats,
      exporting: row.exporting,
    }));
  }

  /** Counts the records that the run and those that it continues have imported. */
  async importedInAll(run: string): Promise<number> {
    const { rows } = await sql<{ sum: string }>`
      select coalesce(sum(c.imported), 0) as sum from runs r
      join runs o on o.sync = r.sync and coalesce(o.origin, o.id) = coalesce(r.origin, r.id)
      join chunks c on c.run = o.id where r.id = ${run}`.execute(this.#db);
    return Number(rows[0]?.sum ?? 0);
  }

  /**
   * The place where the run stopped: the cursor after the last page before which every chunk was exported; `done` when it had
   * read everything. Null where it got nowhere.
   */
  async stoppedAt(run: string): Promise<RunStart | null> {
    const { rows } = await sql<{ cursor: Buffer | null; done: boolean }>`
      select cursor, last as done from chunks where run = ${run} and reading = ${this.#series} and (cursor is not null or last)
        and no < (select coalesce(min(no), 2147483647) from chunks where run = ${run} and reading = ${this.#series} and state <> 'exported')
      order by no desc limit 1`.execute(this.#db);
    if (rows[0] === undefined) return null;
    const { cursor, done } = rows[0];
    return { cursor: cursor === null ? null : this.#seal.open(cursor).toString(), done };
  }

  async importedBefore(run: string, no: number): Promise<number> {
    const { rows } = await sql<{ sum: number }>`
      select coalesce(sum(imported), 0)::int as sum from chunks where run = ${run} and reading = ${this.#series} and no < ${no}`.execute(
      this.#db,
    );
    return rows[0]?.sum ?? 0;
  }

  /** How the latest chunks fared that the run's sync has written to the destination it has now, newest first. */
  async speeds(run: string): Promise<ChunkSpeed[]> {
    const { rows } = await sql<ChunkSpeed>`
      select c.imported as records, c.took_ms as ms from runs r
      join runs o on o.sync = r.sync and o.spec->'destination' = r.spec->'destination'
        and not coalesce((o.options->>'dryRun')::boolean, false)
      join chunks c on c.run = o.id and c.state = 'exported' and c.imported > 0 and c.took_ms is not null
      where r.id = ${run} order by o.started_at desc, c.no desc limit 4`.execute(this.#db);
    return rows;
  }

  /**
   * Commits a step of a chunk in one transaction.
   * @param also more to do in the same transaction, for the owner only
   * @throws SupersededError when `token` is no longer the chunk's
   */
  async commit(
    run: string,
    no: number,
    token: number,
    commit: ChunkCommit,
    also?: (tx: Database) => Promise<void>,
  ): Promise<void> {
    const staged = await this.#staged.pack(commit.stage ?? {});
    await this.#db.transaction().execute(async (tx) => {
      // Outdated rows go only with an update that finds its token: no other attempt may lock anything of the owner's.
      const { rows } = await sql`
        with mine as (update chunks set ${sql.join(this.#changes(token, commit))}
          where run = ${run} and reading = ${this.#series} and no = ${no} and token = ${token}
            returning run, reading, no)
        ${sql.join(outdated(commit), sql``)} select 1 from mine`.execute(tx);
      if (rows.length === 0) throw new SupersededError(run, no);
      if (commit.errors !== undefined) await this.#errors.put(tx, run, no, commit.errors);
      await this.#staged.put(tx, run, no, staged);
      if (commit.seen !== undefined && commit.seen.length > 0)
        await this.#seen.put(tx, run, commit.seen);
      await also?.(tx);
      faultPoint('state.in-transaction');
    });
  }

  #changes(token: number, { state, cursor, stats, counts }: ChunkCommit): RawBuilder<unknown>[] {
    const changes = [sql`state = ${state}`];
    if (state === 'matched' || state === 'exported')
      changes.push(
        sql`took_ms = greatest(took_ms, extract(epoch from clock_timestamp() - claimed_at) * 1000)::int`,
      );
    if (cursor !== undefined) {
      const { value, last, highest = null } = cursor;
      changes.push(
        sql`cursor = ${this.#seal.sealText(value)}, last = ${last}, highest = ${this.#seal.sealText(highest)}, staged_by = ${token}`,
      );
    }
    if (stats !== undefined) changes.push(statsOf(stats));
    if (counts !== undefined) changes.push(sql`counts = ${JSON.stringify(counts)}::jsonb`);
    return changes;
  }

  /** The last exported chunk, and what all exported ones imported; null for none. */
  async lastExported(
    run: string,
  ): Promise<
    (Pick<ChunkState, 'cursor' | 'last'> & { no: number; imported: number; again: number }) | null
  > {
    const { rows } = await sql<ChunkRow & { no: number; sum: string; again: string }>`
      select *, sum(imported) over () as sum, sum(coalesce((counts->>'again')::bigint, 0)) over () as again from chunks
      where run = ${run} and reading = ${this.#series} and state = 'exported' order by no desc limit 1`.execute(
      this.#db,
    );
    const [row] = rows;
    if (row === undefined) return null;
    const { cursor, last: isLast } = toState(row, this.#seal);
    return {
      no: row.no,
      cursor,
      last: isLast,
      imported: Number(row.sum),
      again: Number(row.again),
    };
  }

  /**
   * Deletes what the run staged, but for chunks with a job under way at the destination: the next run of the sync settles
   * them.
   * @param options `keepSeen`: the keys that its chunks held stay, for a run that continues it
   */
  async cleanUp(run: string, { keepSeen = false } = {}): Promise<void> {
    for (const table of ['staged', 'journal', 'jobs'])
      await sql`delete from ${sql.table(table)} t where run = ${run} and not exists (select 1 from jobs j
        where j.run = t.run and j.no = t.no and j.kind = 'export' and not j.done)`.execute(
        this.#db,
      );
    if (!keepSeen) await sql`delete from seen_keys where run = ${seenBy(run)}`.execute(this.#db);
  }
}

/** Parts of a statement that delete what a commit of the chunk `mine` takes the place of. */
function outdated({ state, errors }: ChunkCommit): RawBuilder<unknown>[] {
  const ends = state === 'exported' || state === 'interrupted';
  const ofChunk = sql`and t.reading = mine.reading`;
  const ofRun = sql`and mine.reading = ''`;
  return [
    ...(errors ? [gone('record_errors', ofChunk)] : []),
    ...(ends ? [gone('staged', ofRun), gone('journal', ofRun)] : []),
  ];
}

function gone(table: string, also: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`, ${sql.ref(`old_${table}`)} as (delete from ${sql.table(table)} t using mine
    where t.run = mine.run and t.no = mine.no ${also})`;
}

function statsOf(stats: Stats): RawBuilder<unknown> {
  return sql`imported = ${stats.imported}, created = ${stats.created}, updated = ${stats.updated},
    unchanged = ${stats.unchanged}, skipped_mode = ${stats.skipped.mode}, skipped_filter = ${stats.skipped.filter},
    skipped_duplicate = ${stats.skipped.duplicate}, skipped_edited = ${stats.skipped.edited}, removed = ${stats.removed}, errors = ${stats.errors},
    remove_errors = ${stats.removeErrors}`;
}

function toState(row: ChunkRow, seal: Seal): ChunkState {
  return {
    stagedBy: Number(row.staged_by),
    state: row.state,
    cursor: row.cursor === null ? null : seal.open(row.cursor).toString(),
    last: row.last,
    stats: {
      imported: row.imported,
      created: row.created,
      updated: row.updated,
      unchanged: row.unchanged,
      skipped: {
        mode: row.skipped_mode,
        filter: row.skipped_filter,
        duplicate: row.skipped_duplicate,
        edited: row.skipped_edited,
      },
      removed: row.removed,
      errors: row.errors,
      removeErrors: row.remove_errors,
    },
  };
}
