import { largestRecord, tooLarge } from '../../../model/too-large.ts';
import type { StagedLayout, StagedRow, StagingDestination } from '../../contract/staging.ts';
import type { Area } from '../catalog/area.ts';
import { applyLate } from './apply-late.ts';
import { ChunkApply } from './apply.ts';
import { ChunkSql } from './chunk-sql.ts';
import { fieldOf } from '../catalog/catalog.ts';
import { appliedChunks } from './applied.ts';
import { planRemoval, removePinned } from './removal.ts';
import type { Session } from '../link/session.ts';
import { linesOf, stageLines } from './stage.ts';
import { rowColumns } from './stage-copy.ts';
import type { Table } from '../catalog/table.ts';

/** A table written by chunks that are staged beside it and applied as sets. */
export function stagingDestination(session: Session, area: Area, table: Table): StagingDestination {
  const sqlOf = (layout: StagedLayout) => new ChunkSql(table, layout, session.connection);
  return {
    kind: 'staging',
    fields: table.relation.columns.filter((column) => !column.generated).map(fieldOf),
    leavesOut: table.leavesOut,
    acceptsCopy: (layout) => layout.columns.every((column) => column.encoding === 'sql'),
    async stageCopy(chunk, layout, copy, signal) {
      const sql = sqlOf(layout);
      const own = layout.columns.length;
      const columns = copy.fields.map((_, at) => (at < own ? `c${at}` : `x${at - own}`));
      const faults = () => {
        const left = copy.oversized?.() ?? [];
        return left.length > 0 ? linesOf(sql, layout, faultyRows(left, own)) : undefined;
      };
      const lines = { columns, bytes: copy.bytes(), faults };
      await stageLines({ session, area, chunk, sql, layout, signal }, lines);
    },
    async stageRows(chunk, layout, rows, signal) {
      const sql = sqlOf(layout);
      const lines = { columns: rowColumns(layout), bytes: linesOf(sql, layout, rows) };
      await stageLines({ session, area, chunk, sql, layout, signal }, lines);
    },
    apply(chunk, layout, { dryRun, signal }) {
      const request = { session, area, chunk, sql: sqlOf(layout), dryRun };
      return session.transaction((client) => new ChunkApply(request, client).run(), signal);
    },
    applyLate: (run, layout, signal) =>
      applyLate({ session, area, run, sql: sqlOf(layout) }, signal),
    planRemoval: (run) => planRemoval({ session, area, table, run }),
    remove: (run, signal) => removePinned({ session, area, table, run }, signal),
    applied: (run) => appliedChunks(session, area, run),
    cleanUp: (run, { keepSeen = false } = {}) =>
      session.transaction(async (client) => {
        await area.dropStaged(session, client, run);
        await session.run(client, `DROP TABLE IF EXISTS ${area.removal(run)}`);
        const seen = area.seen(table.target.seenBy ?? run);
        if (!keepSeen) await session.run(client, `DROP TABLE IF EXISTS ${seen}`);
        await session.run(client, `DELETE FROM ${area.marker} WHERE run = $1`, [run]);
      }),
  };
}

/** What is left of records that were too large for the bytes, to be counted and named. */
async function* faultyRows(
  left: readonly (readonly (string | null | undefined)[])[],
  width: number,
): AsyncGenerator<StagedRow[]> {
  const fault = tooLarge(largestRecord);
  yield left.map((values) => ({ values: values.slice(0, width), fault }));
}
