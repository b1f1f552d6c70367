import { sql } from 'kysely';
import { previewSize, type Preview, type PreviewPart } from '../../model/preview.ts';
import type { Database } from '../database/database.ts';
import type { Seal } from '../sealing/seal.ts';

/** A preview is kept for so long, unless the sync's next dry run replaces it. */
const kept = '24 hours';

/** The findings of dry runs, sealed since they hold values of records. */
export class Previews {
  readonly #db: Database;
  readonly #seal: Seal;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  /**
   * Notes what a step found, in place of what an earlier attempt of the step did.
   * @param step opening the run, or the number of a chunk
   */
  async put(run: string, step: 'open' | number, part: PreviewPart): Promise<void> {
    const [name, no] = step === 'open' ? [step, 0] : ['chunk', step];
    const data = this.#seal.seal(JSON.stringify(part));
    await sql`insert into previews (run, step, no, data) values (${run}, ${name}, ${no}, ${data})
      on conflict (run, step, no) do update set data = excluded.data`.execute(this.#db);
  }

  /** Null where the run has none (any more). */
  async get(run: string): Promise<Preview | null> {
    const { rows } = await sql<{ data: Buffer }>`
      select data from previews where run = ${run} and at > now() - ${kept}::interval order by no`.execute(
      this.#db,
    );
    if (rows.length === 0) return null;
    const parts = rows.map(
      ({ data }) => JSON.parse(this.#seal.open(data).toString()) as PreviewPart,
    );
    const changes = parts.flatMap((part) => part.changes ?? []);
    const updates = changes.filter(({ operation }) => operation === 'update');
    const creates = changes.filter(({ operation }) => operation === 'create');
    return {
      canRead: parts.find(({ canRead }) => canRead !== undefined)?.canRead ?? true,
      reason: parts.find(({ reason }) => reason !== undefined)?.reason ?? null,
      changes: [...updates, ...creates].slice(0, previewSize),
      removal: parts.find(({ removal }) => removal !== undefined)?.removal ?? null,
    };
  }

  /** Deletes what has been kept long enough and, for the dry run of a sync, what earlier ones of it found. */
  async expire(replacedBy: string | null): Promise<void> {
    await sql`delete from previews where at <= now() - ${kept}::interval or run in (
      select o.id from runs r join runs o on o.sync = r.sync and o.id <> r.id where r.id = ${replacedBy})`.execute(
      this.#db,
    );
  }
}
