import type { GoldenView, RecordFilter } from '../../api/services.ts';
import { compileEntity } from '../../engine/entity/plan.ts';
import { compileExpression, type Expression } from '../../engine/expression/expression.ts';
import { ExpressionError } from '../../engine/expression/expression-error.ts';
import { recordIdField, systemIdsField, type EntitySpec } from '../../model/entity.ts';
import { ConfigError } from '../../model/failure.ts';
import { nothingKnown, type Field } from '../../model/field.ts';
import type { JsonObject } from '../../model/json.ts';
import type { Store } from '../../store/store.ts';

/** Records read at once. */
const batchSize = 1000;
/** Most records that one call looks at: a filter that fits few must not hold a call for minutes. */
const mostLooked = 20_000;

/**
 * The records that a filter lets through, in the order of their ids. Values are sealed, so the filter looks at every
 * record here; after 20,000 the page ends, however full it is.
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

/** A record on which the expression fails is not what was asked for. */
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
