import { type Kysely, type Migration, sql } from 'kysely';

/** Records of entities that a destination has refused, and when each is tried again. */
export const refused: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`create table entity_refused (
      entity int not null, destination text not null, record bigint not null, run text not null, tries int not null,
      since timestamptz not null, due timestamptz not null, primary key (record, destination))`.execute(
      db,
    );
    await sql`create index entity_refused_by_due on entity_refused (entity, due)`.execute(db);
    // Which groups a record belongs to is asked whenever records lose match keys.
    await sql`create index entity_groups_by_record on entity_groups using gin (records)`.execute(
      db,
    );
  },
};
