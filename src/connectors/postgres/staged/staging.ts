import { largestRecord, tooLarge } from '../../../model/too-large.ts';
import type { StagedLayout, StagedRow, StagingDestination } from '../../contract/staging.ts';
import type { SluiceTables } from '../catalog/sluice-tables.ts';
import { applyLate } from './apply-late.ts';
import { ChunkApply } from './apply.ts';
import { ChunkSql } from './chunk-sql.ts';
import { fieldOf } from '../catalog/catalog.ts';
import { appliedChunks } from './applied.ts';
import { planRemoval, removePinned } from './removal.ts';
import type { Link } from '../link/link.ts';
import { linesOf, stageLines } from './stage.ts';
import { rowColumns } from './stage-copy.ts';
import type { Table } from '../catalog/table.ts';

/** Opens a table to be written by chunks, which are staged beside it and applied as sets. */
export function stagingDestination(
  link: Link,
  sluiceTables: SluiceTables,
  table: Table,
): StagingDestination {
  const { connection } = link.options;
  const sqlOf = (layout: StagedLayout) => new ChunkSql(table, layout, connection);
  return {
    kind: 'staging',
    fields: table.relation.columns.filter((column) => !column.generated).map(fieldOf),
    leavesOut: table.leavesOut,
    acceptsCopy: (layout) => layout.columns.every((column) => column.encoding === 'sql'),
    async stageCopy(chunk, layout, copy, calls) {
      const session = link.session(calls);
      const sql = sqlOf(layout);
      const own = layout.columns.length;
      const columns = copy.fields.map((_, at) => (at < own ? `c${at}` : `x${at - own}`));
      const faults = () => {
        const left = copy.oversized?.() ?? [];
        return left.length > 0 ? linesOf(sql, layout, faultyRows(left, own)) : undefined;
      };
      const lines = { columns, bytes: copy.bytes(), faults };
      await stageLines({ session, sluiceTables, chunk, sql, layout }, lines);
    },
    async stageRows(chunk, layout, rows, calls) {
      const session = link.session(calls);
      const sql = sqlOf(layout);
      const lines = { columns: rowColumns(layout), bytes: linesOf(sql, layout, rows) };
      await stageLines({ session, sluiceTables, chunk, sql, layout }, lines);
    },
    apply(chunk, layout, { dryRun }, calls) {
      const session = link.session(calls);
      const request = { session, sluiceTables, chunk, sql: sqlOf(layout), dryRun };
      return session.transaction((client) => new ChunkApply(request, client).run());
    },
    applyLate: (run, layout, calls) =>
      applyLate({ session: link.session(calls), sluiceTables, run, sql: sqlOf(layout) }),
    planRemoval: (run, calls) =>
      planRemoval({ session: link.session(calls), sluiceTables, table, run }),
    remove: (run, calls) =>
      removePinned({ session: link.session(calls), sluiceTables, table, run }),
    applied: (run, calls) => appliedChunks(link.session(calls), sluiceTables, run),
    cleanUp(run, calls, { keepSeen = false } = {}) {
      const session = link.session(calls);
      return session.transaction(async (client) => {
        await sluiceTables.dropStaged(session, client, run);
        await session.run(client, `DROP TABLE IF EXISTS ${sluiceTables.removal(run)}`);
        const seen = sluiceTables.seen(table.target.seenBy ?? run);
        if (!keepSeen) await session.run(client, `DROP TABLE IF EXISTS ${seen}`);
        await session.run(client, `DELETE FROM ${sluiceTables.marker} WHERE run = $1`, [run]);
      });
    },
  };
}

/** Makes faulty rows of the remaining values of records that were too large, so that they are counted and named. */
async function* faultyRows(
  left: readonly (readonly (string | null | undefined)[])[],
  width: number,
): AsyncGenerator<StagedRow[]> {
  const fault = tooLarge(largestRecord);
  yield left.map((values) => ({ values: values.slice(0, width), fault }));
}
