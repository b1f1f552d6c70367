import type { KeyedDestination } from '../../src/connectors/contract/records.ts';
import { toJson } from '../../src/engine/values/to-json.ts';
import type { JsonObject } from '../../src/model/json.ts';
import { setOwn } from '../../src/model/own.ts';

/** Returns a function that decodes values which a destination tells, as a source of the same stream is read. */
export function decodedValues({
  fields,
  encoding = 'json',
}: Pick<KeyedDestination, 'fields' | 'encoding'>): (values: JsonObject) => JsonObject {
  const known = new Map(fields?.map((field) => [field.name, field]));
  return (values) => {
    const decoded: JsonObject = {};
    for (const [name, value] of Object.entries(values)) {
      const field = known.get(name) ?? { name, type: 'unknown' };
      setOwn(decoded, name, toJson(value, field, encoding) ?? null);
    }
    return decoded;
  };
}
