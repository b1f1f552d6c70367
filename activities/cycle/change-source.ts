import type { Page, PageRequest } from '../../src/connectors/contract/page.ts';
import type { Source } from '../../src/connectors/contract/source.ts';
import { systemIdsField, recordIdField } from '../../src/model/entity.ts';
import type { Field } from '../../src/model/field.ts';
import type { Json } from '../../src/model/json.ts';
import { own, setOwn } from '../../src/model/own.ts';
import type { RecordBatch, Value } from '../../src/model/record.ts';
import type { RecordView } from '../../src/store/entities/golden-views.ts';
import type { Store } from '../../src/store/store.ts';
import { recordIdOf } from '../../src/engine/entity/record-id.ts';

/**
 * Returns an entity's change log as a source: its live records in the order of their last change, each as it stands.
 * The watermark is a change's number, so that what was read up to it is not read again. Deleted records are not among
 * them. A page knows its end before its batches are read.
 */
export function changeSource(
  { golden }: Store,
  entity: string,
  entityFields: readonly Field[],
): Source {
  const fields: readonly Field[] = [
    { name: recordIdField, type: 'text', nullable: false },
    { name: systemIdsField, type: 'json' },
    ...entityFields,
  ];
  const batchOf = (records: readonly RecordView[], names: readonly string[]): RecordBatch => ({
    encoding: 'json',
    fields: names.map(
      (name): Field => fields.find((field) => field.name === name) ?? { name, type: 'unknown' },
    ),
    rows: records.map((record) => names.map((name) => valueOf(record, name))),
  });
  return {
    encoding: 'json',
    fields,
    uniqueBy: [recordIdField],
    highWatermark: () => golden.lastChange(entity),
    async read({ cursor, since, until, fields: names, limit }: PageRequest): Promise<Page> {
      const after = cursor ?? since ?? '0';
      const { records, bytes, last, more } = await golden.stretch(entity, { after, until, limit });
      return {
        async *batches() {
          const range = { after, until: last, limit: records, deleted: false };
          yield batchOf(records === 0 ? [] : await golden.changes(entity, range), names);
        },
        end: () => ({ cursor: more ? last : null, records, bytes }),
      };
    },
    async lookup({ keyFields, keys, fields: names }) {
      if (keyFields.length !== 1 || keyFields[0] !== recordIdField) return batchOf([], names);
      const found = await golden.some(entity, keys.map(recordIdOf));
      return batchOf(
        found.filter(({ deleted }) => !deleted),
        names,
      );
    },
  };
}

function valueOf({ id, values, ids }: RecordView, name: string): Value {
  if (name === recordIdField) return id;
  if (name !== systemIdsField) return own(values, name);
  const bySystem: Record<string, Json> = {};
  for (const { system, id: each } of ids)
    if (own(bySystem, system) === undefined) setOwn(bySystem, system, each);
  return bySystem;
}
