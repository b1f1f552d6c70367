import { sql } from 'kysely';
import type { RecordId } from '../../model/golden-record.ts';
import type { Database } from '../database/database.ts';
import { listed } from '../database/rows-of.ts';

/** A run of a destination of an entity. */
interface DeliveryRun {
  /** The entity's number. */
  readonly entity: number;
  readonly destination: string;
  /** The run's id; of runs that continue each other, that of the first. */
  readonly run: string;
}

/** The number of tries that follow each other cycle by cycle. Later ones wait a minute, then twice as long each time. */
const promptTries = 10;

/**
 * The records that destinations of entities have refused. Each comes again by itself: it is moved to the end of the change
 * log when it is due.
 */
export class RefusedRecords {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Notes in `tx` that a run could not deliver these records. A repeated note of the same run changes nothing. */
  async note(
    { entity, destination, run }: DeliveryRun,
    records: readonly RecordId[],
    tx: Database,
  ): Promise<void> {
    if (records.length === 0) return;
    await sql`insert into entity_refused as r (entity, destination, record, run, tries, since, due)
      select distinct ${entity}::int, ${destination}, x.id, ${run}, 1, now(), now()
      from unnest(${listed(records)}::bigint[]) x (id)
      on conflict (record, destination) do update set run = excluded.run, tries = r.tries + 1,
        due = now() + case when r.tries < ${promptTries} then interval '0'
          else least(interval '1 day', interval '1 minute' * power(2, least(r.tries - ${promptTries}, 20))) end
      where r.run <> excluded.run`.execute(tx);
  }

  /**
   * Forgets the records that a run has delivered, or found to be gone: those of the log from `since` to `until` that it did
   * not refuse. When one of them was delivered, the destination may have been mended, so the others are due at once.
   */
  async settle(
    { entity, destination, run }: DeliveryRun,
    { since, until }: { since: string | null; until: string | null },
  ): Promise<void> {
    await sql`with gone as (
        delete from entity_refused r where r.entity = ${entity} and r.destination = ${destination} and r.run <> ${run}
          and not exists (select from entity_records e where e.id = r.record
            and (e.seq <= ${since ?? '0'}::bigint or e.seq > ${until}::bigint))
        returning 1)
      update entity_refused r set due = now()
      where r.entity = ${entity} and r.destination = ${destination} and r.run <> ${run} and r.due > now()
        and exists (select from gone)
        and exists (select from entity_records e where e.id = r.record
          and (e.seq <= ${since ?? '0'}::bigint or e.seq > ${until}::bigint))`.execute(this.#db);
  }

  /** Returns records that are due to be tried again at some destinations of an entity, those that wait longest first. */
  async due(entity: number, destinations: readonly string[], limit: number): Promise<RecordId[]> {
    const { rows } = await sql<{ record: string }>`
      select record from entity_refused
      where entity = ${entity} and destination = any(${destinations}::text[]) and due <= now()
      order by due limit ${limit}`.execute(this.#db);
    return rows.map(({ record }) => record);
  }
}
