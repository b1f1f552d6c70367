import { sql } from 'kysely';
import type { RunOptions, RunStart, RunStatus, RunWarning } from '../../model/run.ts';
import type { SyncSpec } from '../../model/sync.ts';
import { cycleSyncId } from '../../model/workflow.ts';
import type { Database } from '../database/database.ts';
import type { Seal } from '../sealing/seal.ts';

/** The work of a run, fixed when it opens. */
export interface RunPlan {
  readonly sync: string;
  readonly spec: SyncSpec;
  readonly options: RunOptions;
  readonly kind: 'staging' | 'records' | 'jobs' | null;
  readonly since: string | null;
  /** Records with a higher watermark belong to the next run. */
  readonly until: string | null;
  /** The sync's watermark after the run: `until`, or less where records may still come late. */
  readonly settled: string | null;
  /** The first of the chain of runs that continue each other; the run itself where it continues none. */
  readonly origin: string;
  /** The cycle that started it; null for a run that no cycle started. */
  readonly parent: string | null;
  /** The place where a run that continues another begins; null at the beginning. */
  readonly start: RunStart | null;
}

/** A run as seen by a request to continue it. */
export interface Continuable {
  readonly sync: string;
  readonly spec: SyncSpec;
  readonly options: RunOptions;
  readonly status: RunStatus;
  /** True where it came so far that there is anything to continue. */
  readonly opened: boolean;
  /** A later run of the sync that has read the source itself; after it nothing of this run is kept. */
  readonly supersededBy: string | null;
}

/** The plans of runs: made when a run is created, settled when it opens. Watermarks and cursors are sealed at rest. */
export class RunPlans {
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
    /** The place where a run begins that continues another, whose plan it takes over. */
    start?: RunStart | null;
    /** The cycle whose destination it writes. */
    parent?: string;
  }): Promise<void> {
    await sql`
      insert into runs (id, sync, mode, options, spec, kind, since, until, settled, origin, start_cursor, start_done, parent)
      select ${run.id}, ${run.sync}, ${run.spec.mode}, ${JSON.stringify(run.options)}::jsonb,
        ${JSON.stringify(run.spec)}::jsonb, o.kind, o.since, o.until, o.settled, coalesce(o.origin, o.id),
        ${this.#seal.sealText(run.start?.cursor ?? null)}::bytea, ${run.start?.done ?? null}::boolean,
        ${run.parent ?? null}
      from (values (1)) one left join runs o on o.id = ${run.options.continueOf ?? null}
      on conflict (id) do nothing`.execute(this.#db);
  }

  /** Adds a pending run of a cycle. Does nothing if it is there already. */
  async createCycle(run: { id: string; entity: string; options: RunOptions }): Promise<void> {
    await this.#db
      .insertInto('runs')
      .values({
        id: run.id,
        sync: cycleSyncId(run.entity),
        entity: run.entity,
        options: JSON.stringify(run.options),
      })
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute();
  }

  /** Takes back a run that could not be started. */
  async discard(id: string): Promise<void> {
    await this.#db
      .deleteFrom('runs')
      .where('id', '=', id)
      .where('status', '=', 'pending')
      .execute();
  }

  /** Null where there is no such run. */
  async get(id: string): Promise<RunPlan | null> {
    const row = await this.#db
      .selectFrom('runs')
      .select(['id', 'sync', 'spec', 'options', 'kind', 'since', 'until', 'settled', 'origin'])
      .select(['parent', 'start_cursor', 'start_done'])
      .where('id', '=', id)
      .executeTakeFirst();
    if (row === undefined) return null;
    const { id: own, since, until, settled, origin, start_cursor: cursor, start_done: done } = row;
    return {
      sync: row.sync,
      // A cycle has none, and nobody asks for the plan of one.
      spec: row.spec as SyncSpec,
      options: row.options,
      kind: row.kind,
      since: this.#seal.openText(since),
      until: this.#seal.openText(until),
      settled: this.#seal.openText(settled),
      origin: origin ?? own,
      parent: row.parent,
      start: done === null ? null : { cursor: this.#seal.openText(cursor), done },
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
    const [since, until, settled] = [plan.since, plan.until, plan.settled].map((text) =>
      this.#seal.sealText(text),
    );
    await sql`update runs set status = case status when 'pending' then 'running' else status end, phase = 'sync',
      kind = ${plan.kind}, warnings = ${JSON.stringify(plan.warnings)}::jsonb, opened_at = now(),
      since = case when origin is null then ${since}::bytea else since end,
      until = case when origin is null then ${until}::bytea else until end,
      settled = case when origin is null then ${settled}::bytea else settled end
      where id = ${id} and finished_at is null and opened_at is null`.execute(this.#db);
    const opened = await this.get(id);
    if (opened === null) throw new Error(`run ${id} does not exist`);
    return opened;
  }

  /** Null where there is no such run. */
  async continuable(id: string): Promise<Continuable | null> {
    const { rows } = await sql<Continuable>`
      select r.sync, r.spec, r.options, r.status, r.opened_at is not null as opened,
        (select l.id from runs l
         where l.sync = r.sync and l.started_at > r.started_at and l.opened_at is not null
           and not (coalesce((l.options->>'dryRun')::boolean, false) or l.options ?| array['limit', 'retryOf'])
         order by l.started_at desc limit 1) as "supersededBy"
      from runs r where r.id = ${id}`.execute(this.#db);
    return rows[0] ?? null;
  }
}
