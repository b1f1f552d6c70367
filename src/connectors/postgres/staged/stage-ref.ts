import type pg from 'pg';
import type { ChunkRef } from '../../contract/staging.ts';
import type { SluiceTables } from '../catalog/sluice-tables.ts';
import type { ChunkSql } from './chunk-sql.ts';
import type { Session } from '../link/session.ts';

/** A staged chunk, and the transaction in which it is applied. */
export interface StageRef {
  readonly session: Session;
  readonly client: pg.PoolClient;
  readonly sluiceTables: SluiceTables;
  readonly chunk: ChunkRef;
  readonly sql: ChunkSql;
}
