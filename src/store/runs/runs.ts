import { sql } from 'kysely';
import type { MissingSource } from '../../model/cycle.ts';
import { destinationOfSync, destinationSyncId } from '../../model/entity-syncs.ts';
import type { Mode } from '../../model/mode.ts';
import type { Stats } from '../../model/outcome.ts';
import type {
  Run,
  RunFailure,
  RunOptions,
  RunOutcome,
  RunPhase,
  RunStatus,
  RunWarning,
} from '../../model/run.ts';
import type { Database } from '../database/database.ts';
import type { Seal } from '../sealing/seal.ts';
import { stagesOf } from './cycle-stages.ts';

interface RunRow {
  id: string;
  sync: string;
  mode: Mode | null;
  entity: string | null;
  parent: string | null;
  counts: Record<string, number> | null;
  more: boolean | null;
  missing: MissingSource[];
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

/** Marks the chunks whose counts are final: what another chunk is about to do is not done. */
const counted = sql`filter (where state in ('exported', 'interrupted'))`;
/** The stats of a run, summed over its chunks (R5). While it is open, staged records count as imported. */
const stats = sql`
  select coalesce(sum(imported)
      filter (where state in ('exported', 'interrupted') or r.finished_at is null), 0) as imported,
    coalesce(sum(created) ${counted}, 0) as created,
    coalesce(sum(updated) ${counted}, 0) as updated,
    coalesce(sum(unchanged) ${counted}, 0) as unchanged,
    coalesce(sum(skipped_mode) ${counted}, 0) as mode,
    coalesce(sum(skipped_filter) ${counted}, 0) as filter,
    coalesce(sum(skipped_duplicate) ${counted}, 0) as duplicate,
    coalesce(sum(skipped_edited) ${counted}, 0) as edited,
    coalesce(sum(removed) ${counted}, 0) as removed,
    coalesce(sum(errors) ${counted}, 0) as errors,
    coalesce(sum(remove_errors) ${counted}, 0) as remove_errors
  from chunks where run = r.id`;
/** The further counts of a cycle's chunks, summed by name; null for a sync's run. */
const cycleCounts = sql`
  case when r.entity is not null then (
    select jsonb_object_agg(k.name, k.count) from (
      select c.key as name, sum(c.value::bigint) as count
      from chunks h, jsonb_each_text(h.counts) c where h.run = r.id group by c.key) k) end`;
const select = sql`
  select r.*, ${cycleCounts} as counts,
    array(select c.id from runs c where c.parent = r.id order by c.started_at, c.id) as children,
    jsonb_build_object(
      'imported', s.imported, 'created', s.created, 'updated', s.updated, 'unchanged', s.unchanged,
      'skipped', jsonb_build_object('mode', s.mode, 'filter', s.filter, 'duplicate', s.duplicate,
        'edited', s.edited),
      'removed', s.removed, 'errors', s.errors, 'removeErrors', s.remove_errors) as stats
  from runs r, lateral (${stats}) s`;

/** Runs and cycles as they are shown: what they are doing, and what they have done. */
export class Runs {
  readonly #db: Database;
  readonly #seal: Seal;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  async get(id: string): Promise<Run | null> {
    const { rows } = await sql<RunRow>`${select} where r.id = ${id}`.execute(this.#db);
    return rows[0] === undefined ? null : this.#toRun(rows[0]);
  }

  /** Reads these runs in the order they began; unknown ids are left out. */
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
      watermark: this.#seal.openText(row.watermark),
      startedAt: row.started_at,
      finishedAt: row.finished_at,
      waitingUntil: waiting,
      removal: row.removal,
      warnings: row.warnings,
      failure: row.failure,
    };
  }
}

function cycleOf(row: RunRow, entity: string): Run['cycle'] {
  const { counts, more, missing, children } = row;
  const stages = stagesOf(row, counts ?? {});
  return { entity, stages, more: more ?? false, missing, children };
}
