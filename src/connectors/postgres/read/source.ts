import { z } from 'zod';
import type { KeyValues, RecordBatch } from '../../../model/record.ts';
import type { Calls } from '../../contract/calls.ts';
import type { SourceRequest } from '../../contract/source.ts';
import { noWatermark, unsupportedOrder } from '../../kit/order.ts';
import type { Source } from '../../contract/source.ts';
import { fromText, printed } from '../values/cast.ts';
import { columnNamed, fieldOf, queryRelation, relationOf } from '../catalog/catalog.ts';
import type { Column, Relation } from '../catalog/catalog.ts';
import { comparable, equal } from '../values/compare.ts';
import { ident } from '../catalog/names.ts';
import { CopyPage } from './page.ts';
import { lagOf } from './lag.ts';
import { pageQuery } from './page-query.ts';
import type { Link } from '../link/link.ts';
import type { Session } from '../link/session.ts';
import { toText } from '../values/to-text.ts';
import { watermarkOf } from './watermark.ts';

/** The options of `source:` in a sync. */
export const sourceOptions = z.strictObject({
  query: z
    .string()
    .min(1)
    .optional()
    .describe('A SELECT to read instead of the table or view that `stream` names.'),
});

/** Opens a table, view or query for reading. */
export async function openSource(
  link: Link,
  request: SourceRequest,
  calls: Calls,
): Promise<Source> {
  const session = link.session(calls);
  const { query } = sourceOptions.parse(request.options);
  const relation = query
    ? await queryRelation(session, request.stream, query)
    : await relationOf(session, request.stream);
  const named = (name: string) => columnNamed(relation, name, session.connection);
  const watermark = request.watermark === undefined ? undefined : named(request.watermark);
  const unique = relation.uniqueKeys
    .find((key) => key.notNull && key.everywhere)
    ?.columns.map(named);
  const mark = watermark && watermarkOf(session.connection, relation, watermark);
  const lag = watermark && lagOf(watermark, request.lag, session.connection);
  const byWatermark = request.order === 'watermark';
  if (byWatermark && !watermark)
    throw unsupportedOrder(request.stream, noWatermark, session.connection);
  const key = byWatermark ? request.key.map(named) : [];
  const from = { relation, watermark, lag, unique, byWatermark, key };
  return {
    encoding: 'sql',
    fields: relation.columns.map(fieldOf),
    uniqueBy: unique?.map((column) => column.name) ?? [],
    ...(mark && {
      highWatermark: (asking: Calls) => mark.highest(link.session(asking)),
      settled: (high: string, asking: Calls) => mark.settled(link.session(asking), high),
    }),
    async read(page, reading) {
      const own = link.session(reading);
      if (page.since !== null && page.cursor === null) await mark?.check(own, page.since);
      return new CopyPage(own, pageQuery(from, page, page.fields.map(named)), page);
    },
    lookup: ({ keyFields, keys, fields }, asking) =>
      lookup(link.session(asking), relation, keyFields.map(named), keys, fields.map(named)),
  };
}

async function lookup(
  session: Session,
  relation: Relation,
  key: readonly Column[],
  keys: readonly KeyValues[],
  fields: readonly Column[],
): Promise<RecordBatch> {
  const wanted = key.map((_, at) => keys.map((values) => toText(values[at], 'text', '', 'sql')));
  const unnested = key.map((_, at) => `$${at + 1}::text[]`).join(', ');
  const names = key.map((_, at) => `k${at}`);
  const same = key.map((column, at) =>
    equal(
      column,
      comparable(column, `q.${ident(column.name)}`),
      comparable(column, fromText(column, `w.k${at}`)),
    ),
  );
  const list = fields
    .map((column, at) => `${printed(column, `q.${ident(column.name)}`)} AS f${at}`)
    .join(', ');
  const { rows } = await session.query(
    `SELECT ${list} FROM (SELECT DISTINCT * FROM unnest(${unnested}) AS u(${names.join(', ')})) w
     JOIN ${relation.from} AS q ON ${same.join(' AND ')}`,
    wanted,
  );
  return {
    encoding: 'sql',
    fields: fields.map(fieldOf),
    rows: rows.map((row) => fields.map((_, at) => row[`f${at}`] ?? null)),
  };
}
