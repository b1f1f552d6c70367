import type { JsonObject } from '../../../src/model/json.ts';
import type { Seal } from '../../../src/store/sealing/seal.ts';

/** The keyed hash of mapped values that a ledger keeps, as hex. Does not depend on the order of fields. */
export function hashValues(seal: Seal): (values: JsonObject) => string {
  return (values) => {
    const ordered = Object.keys(values)
      .toSorted()
      .map((name) => [name, values[name]]);
    return seal.hash(JSON.stringify(ordered)).toString('hex');
  };
}
