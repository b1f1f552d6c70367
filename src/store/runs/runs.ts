import { sql } from 'kysely';
import { destinationOfSync, destinationSyncId } from '../../model/entity-syncs.ts';
import type { Mode } from '../../model/mode.ts';
import type { Stats } from '../../model/outcome.ts';
import type {
  Run,
  RunFailure,
  RunOptions,
  RunOutcome,
  RunPhase,
  RunStart,
  RunStatus,
  RunWarning,
} from '../../model/run.ts';
import type { SyncSpec } from '../../model/sync.ts';
import { cycleKey } from '../../model/workflow.ts';
import { finalToken } from './chunks.ts';
import { stagesOf } from './cycle-stages.ts';
import type { Database } from '../database/database.ts';
import type { Seal } from '../sealing/seal.ts';

interface RunRow {
  id: string;
  sync: string;
  mode: Mode | null;
  entity: string | null;
  parent: string | null;
  counts: Record<string, number> | null;
  more: boolean | null;
  children: string[];
  options: RunOptions;
  status: RunStatus;
  phase: RunPhase;
  outcome: RunOutcome | null;
  failure: RunFailure | null;
  removal: Run['removal'];
  warnings: RunWarning[];
  watermark: Buffer | null;
  waiting_until: Date | null;
  started_at: Date;
  finished_at: Date | null;
  stats: Stats;
}

/** What a run does, fixed when it opens. */
export interface RunPlan {
  readonly sync: string;
  readonly spec: SyncSpec;
  readonly options: RunOptions;
  readonly kind: 'staging' | 'records' | 'jobs' | null;
  readonly since: string | null;
  /** Records with a higher watermark belong to the next run. */
  readonly until: string | null;
  /** What the sync's watermark becomes: `until`, or less where records may still come late. */
  readonly settled: string | null;
  /** The first of the chain of runs that continue each other; the run itself where it continues none. */
  readonly origin: string;
  /** Where a run that continues another begins; null at the beginning. */
  readonly start: RunStart | null;
}

/** A run as whoever wants to continue it must know it. */
export interface Continuable {
  readonly sync: string;
  readonly spec: SyncSpec;
  readonly options: RunOptions;
  readonly status: RunStatus;
  /** Whether it came so far that there is anything to continue. */
  readonly opened: boolean;
  /** A later run of the sync that has read the source itself; after it nothing of this run is kept. */
  readonly supersededBy: string | null;
}

/** A run that ended early and whose remains have not been tidied. */
export interface Remains {
  readonly id: string;
  readonly origin: string;
  /** Its workflow is gone, and nobody has noted the run's end. */
  readonly open: boolean;
}

/** Watermarks and cursors may be any value of a record, so they are sealed. */
interface PlanRow extends Omit<RunPlan, 'since' | 'until' | 'settled' | 'start'> {
  readonly since: Buffer | null;
  readonly until: Buffer | null;
  readonly settled: Buffer | null;
  readonly start_cursor: Buffer | null;
  readonly start_done: boolean | null;
}

// Only what was written of exported and interrupted chunks counts: what a chunk is about to do is not done. While the run is open, staged records count as imported.
const select = sql`
  select r.*, array(select c.id from runs c where c.parent = r.id order by c.started_at, c.id) as children,
    case when r.entity is not null then (select jsonb_object_agg(k.name, k.count) from (
      select c.key as name, sum(c.value::bigint) as count from chunks h, jsonb_each_text(h.counts) c
      where h.run = r.id group by c.key) k) end as counts, jsonb_build_object(
    'imported', s.imported, 'created', s.created, 'updated', s.updated, 'unchanged', s.unchanged,
    'skipped', jsonb_build_object('mode', s.mode, 'filter', s.filter, 'duplicate', s.duplicate),
    'removed', s.removed, 'errors', s.errors, 'removeErrors', s.remove_errors) as stats
  from runs r, lateral (
select coalesce(sum(imported) filter (where state in ('exported', 'interrupted') or r.finished_at is null), 0) as imported,
      coalesce(sum(created) filter (where state in ('exported', 'interrupted')), 0) as created,
      coalesce(sum(updated) filter (where state in ('exported', 'interrupted')), 0) as updated,
      coalesce(sum(unchanged) filter (where state in ('exported', 'interrupted')), 0) as unchanged,
      coalesce(sum(skipped_mode) filter (where state in ('exported', 'interrupted')), 0) as mode,
      coalesce(sum(skipped_filter) filter (where state in ('exported', 'interrupted')), 0) as filter,
      coalesce(sum(skipped_duplicate) filter (where state in ('exported', 'interrupted')), 0) as duplicate,
      coalesce(sum(removed) filter (where state in ('exported', 'interrupted')), 0) as removed,
      coalesce(sum(errors) filter (where state in ('exported', 'interrupted')), 0) as errors,
      coalesce(sum(remove_errors) filter (where state in ('exported', 'interrupted')), 0) as remove_errors
    from chunks where run = r.id) s`;

/** What a step waits for longer than this it does not wait for in its worker. */
const inWorker = sql`now() + interval '20 s'`;

/** The runs: their plans, their summaries, and what they are doing. The stats are sums over chunks (R5). */
export class Runs {
  readonly #db: Database;
  readonly #seal: Seal;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  /** Adds a pending run. Does nothing if it is there already. */
  async create(run: {
    id: string;
    sync: string;
    spec: SyncSpec;
    options: RunOptions;
    /** Where a run begins that continues another, whose plan it takes over. */
    start?: RunStart | null;
    /** The cycle whose destination it writes. */
    parent?: string;
  }): Promise<void> {
    await sql`
      insert into runs (id, sync, mode, options, spec, kind, since, until, settled, origin, start_cursor, start_done, parent)
      select ${run.id}, ${run.sync}, ${run.spec.mode}, ${JSON.stringify(run.options)}::jsonb,
        ${JSON.stringify(run.spec)}::jsonb, o.kind, o.since, o.until, o.settled, coalesce(o.origin, o.id),
        ${this.#sealed(run.start?.cursor ?? null)}::bytea, ${run.start?.done ?? null}::boolean,
        ${run.parent ?? null}
      from (values (1)) one left join runs o on o.id = ${run.options.continueOf ?? null}
      on conflict (id) do nothing`.execute(this.#db);
  }

  /** Adds a pending run of a cycle. Does nothing if it is there already. */
  async createCycle(run: { id: string; entity: string; options: RunOptions }): Promise<void> {
    await sql`insert into runs (id, sync, entity, options) values (${run.id}, ${cycleKey(run.entity)}, ${run.entity}, ${JSON.stringify(run.options)}::jsonb)
      on conflict (id) do nothing`.execute(this.#db);
  }

  /** Notes that a cycle has begun, and with what entity it goes on to its end. */
  async begin(id: string): Promise<void> {
    await sql`update runs set status = 'running', entity_spec = (select spec from entities where id = runs.entity)
      where id = ${id} and status = 'pending'`.execute(this.#db);
  }

  /** The other cycles of the same entity that have begun and of which nobody has noted the end, or forbidden what may be left of them. */
  async deadCycles(id: string): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      select d.id from runs r join runs d on d.entity = r.entity and d.id <> r.id
      where r.id = ${id} and r.finished_at is null and d.status not in ('pending', 'completed') and (d.finished_at is null
        or exists (select from chunks c where c.run = d.id and c.token < ${finalToken}))`.execute(
      this.#db,
    );
    return rows.map((row) => row.id);
  }

  /** Notes whether the sources hold more than the cycle reads. */
  async noteMore(id: string, more: boolean): Promise<void> {
    await sql`update runs set more = ${more} where id = ${id} and finished_at is null`.execute(
      this.#db,
    );
  }

  /** Null where there is no such run. */
  async continuable(id: string): Promise<Continuable | null> {
    const { rows } = await sql<Continuable>`
      select r.sync, r.spec, r.options, r.status, r.opened_at is not null as opened,
        (select l.id from runs l where l.sync = r.sync and l.started_at > r.started_at and l.opened_at is not null
           and not (coalesce((l.options->>'dryRun')::boolean, false) or l.options ?| array['limit', 'retryOf']) order by l.started_at desc limit 1) as "supersededBy"
      from runs r where r.id = ${id}`.execute(this.#db);
    return rows[0] ?? null;
  }

  /** The earlier runs of the same sync that ended early and were not tidied up, oldest first. */
  async remains(id: string): Promise<Remains[]> {
    const { rows } = await sql<Remains>`
      select d.id, coalesce(d.origin, d.id) as origin, d.finished_at is null as open
      from runs r join runs d on d.sync = r.sync and d.started_at < r.started_at
      where r.id = ${id} and d.tidied_at is null and d.opened_at is not null order by d.started_at`.execute(
      this.#db,
    );
    return rows;
  }

  /** Nothing of the run is left anywhere, and its stats are final. */
  async tidied(id: string): Promise<void> {
    await sql`update runs set tidied_at = now(),
      failure = case when failure->>'code' = ${unsettled} then null else failure end where id = ${id}`.execute(
      this.#db,
    );
  }

  /** All runs of the chain that this run continues are tidied with it. */
  async chainTidied(id: string): Promise<void> {
    await sql`update runs d set tidied_at = now() from runs r where r.id = ${id} and d.sync = r.sync
      and coalesce(d.origin, d.id) = coalesce(r.origin, r.id) and d.finished_at is not null`.execute(
      this.#db,
    );
  }

  /** Takes back a run that could not be started. */
  async discard(id: string): Promise<void> {
    await sql`delete from runs where id = ${id} and status = 'pending'`.execute(this.#db);
  }

  async get(id: string): Promise<Run | null> {
    const { rows } = await sql<RunRow>`${select} where r.id = ${id}`.execute(this.#db);
    return rows[0] === undefined ? null : this.#toRun(rows[0]);
  }

  /** Those of these runs that exist, in the order they began. */
  async some(ids: readonly string[]): Promise<Run[]> {
    if (ids.length === 0) return [];
    const { rows } =
      await sql<RunRow>`${select} where r.id = any(${ids}) order by r.started_at, r.id`.execute(
        this.#db,
      );
    return rows.map((row) => this.#toRun(row));
  }

  /** Newest first; `after` is the id of the last run of the page before. */
  async list(filter: {
    sync?: string;
    entity?: string;
    status?: string;
    limit: number;
    after?: string;
  }): Promise<Run[]> {
    const { rows } = await sql<RunRow>`${select}
      where (${filter.sync ?? null}::text is null or r.sync = ${filter.sync ?? null})
        and (${filter.entity ?? null}::text is null or r.entity = ${filter.entity ?? null})
        and (${filter.status ?? null}::text is null or r.status = ${filter.status ?? null})
        and (${filter.after ?? null}::text is null or (r.started_at, r.id) <
             (select a.started_at, a.id from runs a where a.id = ${filter.after ?? null}))
      order by r.started_at desc, r.id desc limit ${filter.limit}`.execute(this.#db);
    return rows.map((row) => this.#toRun(row));
  }

  /** The oldest run of the sync that is not over, other than `except`. */
  async openRunOf(sync: string, except = ''): Promise<string | null> {
    const { rows } = await sql<{ id: string }>`
      select id from runs where sync = ${sync} and finished_at is null and id <> ${except}
      order by started_at limit 1`.execute(this.#db);
    return rows[0]?.id ?? null;
  }

  /** The oldest run of a destination of the entity that is not over, also of one that is not declared any more. */
  async openDelivery(entity: string): Promise<{ run: string; destination: string } | null> {
    const { rows } = await sql<{ id: string; sync: string }>`
      select id, sync from runs where starts_with(sync, ${destinationSyncId(entity, '')}) and finished_at is null
      order by started_at limit 1`.execute(this.#db);
    const [row] = rows;
    if (row === undefined) return null;
    return { run: row.id, destination: destinationOfSync(row.sync)?.destination ?? '' };
  }

  async plan(id: string): Promise<RunPlan | null> {
    const { rows } = await sql<PlanRow>`
      select sync, spec, options, kind, since, until, settled, coalesce(origin, id) as origin, start_cursor, start_done
      from runs where id = ${id}`.execute(this.#db);
    if (rows[0] === undefined) return null;
    const { since, until, settled, start_cursor: cursor, start_done: done, ...plan } = rows[0];
    return {
      ...plan,
      since: this.#opened(since),
      until: this.#opened(until),
      settled: this.#opened(settled),
      start: done === null ? null : { cursor: this.#opened(cursor), done },
    };
  }

  /** Settles the run's plan, once: of attempts that overlap, the first counts. Returns the plan as it stands. */
  async open(
    id: string,
    plan: Pick<RunPlan, 'since' | 'until' | 'settled'> & {
      kind: string;
      warnings: readonly RunWarning[];
    },
  ): Promise<RunPlan> {
    await sql`update runs set status = case status when 'pending' then 'running' else status end, phase = 'sync',
      kind = ${plan.kind}, warnings = ${JSON.stringify(plan.warnings)}::jsonb, opened_at = now(),
      since = case when origin is null then ${this.#sealed(plan.since)}::bytea else since end,
      until = case when origin is null then ${this.#sealed(plan.until)}::bytea else until end,
      settled = case when origin is null then ${this.#sealed(plan.settled)}::bytea else settled end
      where id = ${id} and finished_at is null and opened_at is null`.execute(this.#db);
    const opened = await this.plan(id);
    if (opened === null) throw new Error(`run ${id} does not exist`);
    return opened;
  }

  /** Notes a change of status or phase of an open run. */
  async note(
    id: string,
    change: { status: RunStatus; phase: RunPhase; removal?: Run['removal'] },
  ): Promise<void> {
    await sql`update runs set status = ${change.status}, phase = ${change.phase},
      steered_at = case when ${change.status} = 'paused' then now() else steered_at end,
      removal = coalesce(${change.removal === undefined ? null : JSON.stringify(change.removal)}::jsonb, removal)
      where id = ${id} and finished_at is null`.execute(this.#db);
  }

  /** Notes the phase that a step of an open run begins. */
  async enter(id: string, phase: RunPhase): Promise<void> {
    await sql`update runs set phase = ${phase} where id = ${id} and finished_at is null and phase <> ${phase}`.execute(
      this.#db,
    );
  }

  /** Notes that the run is to stop what it does: its activities are about to be told. */
  async steer(id: string): Promise<void> {
    await sql`update runs set steered_at = now() where id = ${id}`.execute(this.#db);
  }

  /** Which of these runs were steered within the last 10 s. */
  async steered(ids: readonly string[]): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      select id from runs where id = any(${ids}::text[]) and steered_at > now() - interval '10 s'`.execute(
      this.#db,
    );
    return rows.map(({ id }) => id);
  }

  /**
   * Notes until when the run waits for a system.
   * @param sure false: only what a step waits for within its worker is replaced, not the longer wait of a step that left it
   */
  async waitUntil(id: string, until: Date | null, sure = true): Promise<void> {
    await sql`update runs set waiting_until = ${until}
      where id = ${id} and waiting_until is distinct from ${until}::timestamptz
        and (${sure} or waiting_until is null or waiting_until < ${inWorker})`.execute(this.#db);
  }

  /** Notes that the run's systems fail; returns since when, in milliseconds of age. */
  async failing(id: string): Promise<number> {
    const { rows } = await sql<{ age: number }>`
      update runs set failing_since = coalesce(failing_since, now()) where id = ${id}
      returning extract(epoch from now() - failing_since)::float8 * 1000 as age`.execute(this.#db);
    return rows[0]?.age ?? 0;
  }

  /** Notes that a step of the run succeeded. Another may still wait: for so long that it has left its worker. */
  async recovered(id: string): Promise<void> {
    await sql`update runs set failing_since = null,
        waiting_until = case when waiting_until < ${inWorker} then null else waiting_until end
      where id = ${id} and (failing_since is not null or waiting_until < ${inWorker})`.execute(
      this.#db,
    );
  }

  /** Ends a run, once: a run that is over stays as it is. */
  async finish(id: string, end: RunEnd): Promise<void> {
    await sql`update runs set status = ${end.status}, phase = 'close', outcome = ${end.outcome},
      failure = ${end.failure === null ? null : JSON.stringify(end.failure)}::jsonb, watermark = ${this.#sealed(end.watermark)},
      waiting_until = null, finished_at = now() where id = ${id} and finished_at is null`.execute(
      this.#db,
    );
  }

  async skippedTick(sync: string): Promise<void> {
    await sql`insert into skipped_ticks (sync, open_run) values (${sync},
      (select id from runs where sync = ${sync} and finished_at is null order by started_at limit 1))`.execute(
      this.#db,
    );
  }

  async skippedTicks(sync: string): Promise<{ count: number; last: Date | null }> {
    const { rows } = await sql<{ count: number; last: Date | null }>`
      select count(*)::int as count, max(at) as last from skipped_ticks where sync = ${sync}`.execute(
      this.#db,
    );
    return rows[0] ?? { count: 0, last: null };
  }

  #toRun(row: RunRow): Run {
    const waiting =
      row.waiting_until !== null && row.waiting_until > new Date() ? row.waiting_until : null;
    return {
      id: row.id,
      sync: row.entity === null ? row.sync : null,
      mode: row.mode,
      cycle: row.entity === null ? null : cycleOf(row, row.entity),
      parent: row.parent,
      options: row.options,
      status: row.status,
      phase: row.phase,
      outcome: row.outcome,
      stats: row.stats,
      watermark: this.#opened(row.watermark),
      startedAt: row.started_at,
      finishedAt: row.finished_at,
      waitingUntil: waiting,
      removal: row.removal,
      warnings: row.warnings,
      failure: row.failure,
    };
  }

  #sealed(text: string | null): Buffer | null {
    return text === null ? null : this.#seal.seal(text);
  }

  #opened(sealed: Buffer | null): string | null {
    return sealed === null ? null : this.#seal.open(sealed).toString();
  }
}

function cycleOf(row: RunRow, entity: string): Run['cycle'] {
  const { counts, more, children } = row;
  return { entity, stages: stagesOf(row, counts ?? {}), more: more ?? false, children };
}

/** The failure of a cancelled run whose destination could not be asked what it had applied. */
export const unsettled = 'unsettled';

/** How a run ended. */
export interface RunEnd {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly outcome: RunOutcome | null;
  readonly failure: RunFailure | null;
  readonly watermark: string | null;
}
