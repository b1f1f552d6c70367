import type { GoldenView, RecordFilter } from '../../api/services.ts';
import { compileEntity } from '../../engine/entity/plan.ts';
import { compileExpression, type Expression } from '../../engine/expression/expression.ts';
import { ExpressionError } from '../../engine/expression/expression-error.ts';
import { recordIdField, systemIdsField, type EntitySpec } from '../../model/entity.ts';
import { ConfigError } from '../../model/failure.ts';
import { nothingKnown, type Field } from '../../model/field.ts';
import type { JsonObject } from '../../model/json.ts';
import type { Store } from '../../store/store.ts';

/** The number of records that are read at once. */
const batchSize = 1000;
/** The most records that one call looks at, so that a filter which few records match does not take minutes. */
const mostLooked = 20_000;

/**
 * Returns the records that a filter lets through, sorted by id. Values are encrypted in the database, so the filter
 * runs here on every record. After 20,000 records the page ends, however full it is.
 */
export async function findRecords(
  golden: Pick<Store['golden'], 'page'>,
  entity: string,
  spec: EntitySpec,
  { where, deleted = false, limit, after }: RecordFilter,
): Promise<{ records: GoldenView[]; next: string | null }> {
  const filter = where === undefined ? null : compiled(where, spec);
  const found: GoldenView[] = [];
  let last = after;
  for (let looked = 0; looked < mostLooked;) {
    const size = filter === null ? limit + 1 - found.length : batchSize;
    const batch = await golden.page(entity, {
      limit: size,
      deleted,
      ...(last !== undefined && { after: last }),
    });
    for (const record of batch) {
      if (filter === null || passes(filter, record)) found.push(record);
      if (found.length > limit) return { records: found.slice(0, limit), next: last ?? null };
      last = record.id;
    }
    if (batch.length < size) return { records: found, next: null };
    looked += batch.length;
  }
  return { records: found, next: last ?? null };
}

function compiled(where: string, spec: EntitySpec): Expression {
  const own: Field[] = [
    { name: recordIdField, type: 'text' },
    { name: systemIdsField, type: 'json' },
  ];
  try {
    const { fields } = compileEntity(spec, () => nothingKnown);
    return compileExpression(where, { fields: [...fields, ...own] }, 'entity');
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new ConfigError(error.code, `where: ${error.message}`);
  }
}

/** Returns false also when the expression fails on a record: such a record was not asked for. */
function passes(filter: Expression, { id, values, ids }: GoldenView): boolean {
  const own: JsonObject = { [recordIdField]: id, [systemIdsField]: idsBySystem(ids) };
  try {
    return filter.evaluate((name) => own[name] ?? values[name]) === true;
  } catch (error) {
    if (error instanceof ExpressionError) return false;
    throw error;
  }
}

function idsBySystem(ids: GoldenView['ids']): JsonObject {
  return Object.fromEntries(ids.map(({ system, id }) => [system, id]));
}
