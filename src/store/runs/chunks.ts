import { brotliCompress, brotliDecompress, constants } from 'node:zlib';
import { promisify } from 'node:util';
import { sql, type RawBuilder } from 'kysely';
import { faultPoint } from '../../model/fault-point.ts';
import type { ChunkSpeed } from '../../model/chunk-speed.ts';
import type { RecordError, Stats } from '../../model/outcome.ts';
import type { Database } from '../database/database.ts';
import { RecordErrors } from './record-errors.ts';
import type { RunStart } from '../../model/run.ts';
import type { Seal } from '../sealing/seal.ts';
import { seriesKey, type ChunkSeries } from './readings.ts';

const compress = promisify(brotliCompress);
const decompress = promisify(brotliDecompress);

/** Another attempt owns the chunk now: this one must change nothing more (R6). */
export class SupersededError extends Error {
  constructor(run: string, no: number) {
    super(`another attempt owns chunk ${no} of run ${run}`);
    this.name = 'SupersededError';
  }
}

/** Greater than every attempt's token: whoever settles a run that is over claims its chunks with it, for good. */
export const finalToken = Number.MAX_SAFE_INTEGER;

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

interface ChunkRow {
  staged_by: string;
  state: State;
  cursor: Buffer | null;
  last: boolean;
  imported: number;
  created: number;
  updated: number;
  unchanged: number;
  skipped_mode: number;
  skipped_filter: number;
  skipped_duplicate: number;
  removed: number;
  errors: number;
  remove_errors: number;
}

/**
 * What rests in a chunk on the records path: its records, the operations that are due, the records that wait for
 * earlier chunks, and the canonical keys of both.
 */
export type StageKind = 'records' | 'operations' | 'deferred' | 'keys';

/** A chunk whose export has not ended. */
export interface Unfinished {
  readonly no: number;
  /** What was counted as it was staged for a staging destination; null where nothing was, as for a removal. */
  readonly staged: Stats | null;
  /** Whether its export may have begun. */
  readonly exporting: boolean;
}

/** What an attempt commits to a chunk it owns, all or nothing. */
export interface ChunkCommit {
  readonly state: State;
  readonly cursor?: {
    readonly value: string | null;
    readonly last: boolean;
    /** The highest watermark of the whole read so far. */
    readonly highest?: string | null;
  };
  readonly stats?: Stats;
  /** What a cycle counts besides, by name. */
  readonly counts?: Readonly<Record<string, number>>;
  readonly errors?: readonly RecordError[];
  /** Texts to stage by kind; null: this kind is not needed any more. */
  readonly stage?: Readonly<Partial<Record<StageKind, string | null>>>;
  readonly seen?: readonly Buffer[];
}

/** The chunks of runs: who owns them, what rests in them, what became of them. */
export class Chunks {
  readonly #db: Database;
  readonly #seal: Seal;
  readonly #errors: RecordErrors;
  readonly #series: string;

  /** @param series the part of a cycle whose chunks these are. Default: those of a sync's run */
  constructor(db: Database, seal: Seal, series?: ChunkSeries) {
    this.#db = db;
    this.#seal = seal;
    this.#series = seriesKey(series);
    this.#errors = new RecordErrors(db, seal, series);
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

  #sealed(text: string | null): Buffer | null {
    return text === null ? null : this.#seal.seal(text);
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

  /** How many records the run and those that it continues have imported. */
  async importedInAll(run: string): Promise<number> {
    const { rows } = await sql<{ sum: string }>`
      select coalesce(sum(c.imported), 0) as sum from runs r
      join runs o on o.sync = r.sync and coalesce(o.origin, o.id) = coalesce(r.origin, r.id)
      join chunks c on c.run = o.id where r.id = ${run}`.execute(this.#db);
    return Number(rows[0]?.sum ?? 0);
  }

  /**
   * Where the run stopped: the cursor after the last page before which every chunk was exported; `done` when it had
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
  async paces(run: string): Promise<ChunkSpeed[]> {
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
    const staged = await this.#packAll(commit.stage ?? {});
    await this.#db.transaction().execute(async (tx) => {
      // What is outdated goes only with an update that finds its token: nobody else may lock anything of the owner's.
      const { rows } = await sql`
        with mine as (update chunks set ${sql.join(this.#changes(token, commit))}
          where run = ${run} and reading = ${this.#series} and no = ${no} and token = ${token}
            returning run, reading, no)
        ${sql.join(outdated(commit), sql``)} select 1 from mine`.execute(tx);
      if (rows.length === 0) throw new SupersededError(run, no);
      if (commit.errors !== undefined) await this.#errors.put(tx, run, no, commit.errors);
      for (const { kind, data } of staged) await putStaged(tx, run, no, kind, data);
      if (commit.seen !== undefined && commit.seen.length > 0) {
        await sql`insert into seen_keys (run, key_hash) select ${seenBy(run)}, unnest(${commit.seen}::bytea[])
          on conflict do nothing`.execute(tx);
      }
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
        sql`cursor = ${this.#sealed(value)}, last = ${last}, highest = ${this.#sealed(highest)}, staged_by = ${token}`,
      );
    }
    if (stats !== undefined) changes.push(statsOf(stats));
    if (counts !== undefined) changes.push(sql`counts = ${JSON.stringify(counts)}::jsonb`);
    return changes;
  }

  /** The last exported chunk, and what all exported ones imported; null for none. */
  async lastExported(
    run: string,
  ): Promise<(Pick<ChunkState, 'cursor' | 'last'> & { no: number; imported: number }) | null> {
    const { rows } = await sql<ChunkRow & { no: number; sum: string }>`
      select *, sum(imported) over () as sum from chunks
      where run = ${run} and reading = ${this.#series} and state = 'exported' order by no desc limit 1`.execute(
      this.#db,
    );
    const [row] = rows;
    if (row === undefined) return null;
    const { cursor, last: isLast } = toState(row, this.#seal);
    return { no: row.no, cursor, last: isLast, imported: Number(row.sum) };
  }

  /** What is staged of a kind in a chunk; null when there is nothing (any more). */
  async staged(run: string, no: number, kind: StageKind): Promise<string | null> {
    const { rows } = await sql<{ data: Buffer }>`
      select data from staged where run = ${run} and no = ${no} and kind = ${kind}`.execute(
      this.#db,
    );
    return rows[0] === undefined ? null : this.#unpack(rows[0].data);
  }

  /** What is staged of a kind in the chunks before `no`, which are those that are not exported yet. */
  async stagedBefore(run: string, no: number, kind: StageKind): Promise<string[]> {
    const { rows } = await sql<{ data: Buffer }>`
      select data from staged where run = ${run} and no < ${no} and kind = ${kind}`.execute(
      this.#db,
    );
    return Promise.all(rows.map(({ data }) => this.#unpack(data)));
  }

  /** Which of these keys no chunk of the run held. */
  async unseen(run: string, hashes: readonly Buffer[]): Promise<Set<string>> {
    const { rows } = await sql<{ hash: string }>`
      select encode(h, 'hex') as hash from unnest(${hashes}::bytea[]) h
      where not exists (select 1 from seen_keys s where s.run = ${seenBy(run)} and s.key_hash = h)`.execute(
      this.#db,
    );
    return new Set(rows.map(({ hash }) => hash));
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

  async #packAll(
    stage: NonNullable<ChunkCommit['stage']>,
  ): Promise<{ kind: string; data: Buffer | null }[]> {
    return Promise.all(
      Object.entries(stage).map(async ([kind, text]) => ({
        kind,
        data: text === null ? null : await this.#pack(text),
      })),
    );
  }

  async #unpack(data: Buffer): Promise<string> {
    return (await decompress(this.#seal.open(data))).toString();
  }

  async #pack(text: string): Promise<Buffer> {
    const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
    return this.#seal.seal(await compress(Buffer.from(text), options));
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

async function putStaged(
  tx: Database,
  run: string,
  no: number,
  kind: string,
  data: Buffer | null,
): Promise<void> {
  if (data === null) {
    await sql`delete from staged where run = ${run} and no = ${no} and kind = ${kind}`.execute(tx);
    return;
  }
  await sql`insert into staged (run, no, kind, data) values (${run}, ${no}, ${kind}, ${data})
    on conflict (run, no, kind) do update set data = excluded.data`.execute(tx);
}

/** Runs that continue each other keep the keys they have seen under the name of the first. */
export function seenBy(run: string) {
  return sql`(select coalesce(r.origin, r.id) from runs r where r.id = ${run})`;
}

function statsOf(stats: Stats): RawBuilder<unknown> {
  return sql`imported = ${stats.imported}, created = ${stats.created}, updated = ${stats.updated},
    unchanged = ${stats.unchanged}, skipped_mode = ${stats.skipped.mode}, skipped_filter = ${stats.skipped.filter},
    skipped_duplicate = ${stats.skipped.duplicate}, removed = ${stats.removed}, errors = ${stats.errors},
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
      },
      removed: row.removed,
      errors: row.errors,
      removeErrors: row.remove_errors,
    },
  };
}
