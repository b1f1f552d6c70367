import { idText } from '../../src/engine/entity/id-text.ts';
import type { Incoming } from '../../src/engine/entity/plan.ts';
import { sourceTime } from '../../src/engine/entity/source-time.ts';
import { rowReader } from '../../src/engine/mapping/map-record.ts';
import type { Field } from '../../src/model/field.ts';
import type { Encoding, Value } from '../../src/model/record.ts';

/** Returns a reader of deleted records, which consist of an id and a time. */
export function tombstoneReader(source: string, [idField = '', timeField = '']: readonly string[]) {
  return (fields: readonly Field[], encoding: Encoding) => {
    const read = rowReader(fields, encoding);
    return (row: readonly Value[]): Incoming => {
      const id = idText(read(row, idField));
      if (id === null)
        return { id, fault: { code: 'missing_key', message: 'the record has no id' } };
      const at = sourceTime(read(row, timeField));
      return { source, id, at, values: {}, deleted: true };
    };
  };
}
