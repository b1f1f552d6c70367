import { isJsonObject, type Json, type JsonObject } from '../../../model/json.ts';
import { parseJson } from '../../kit/json.ts';

/** Returns an object without a prototype, so that it can have any names, `constructor` and `__proto__` included. */
export function emptyObject(): JsonObject {
  return Object.create(null) as JsonObject;
}

/** Returns an object of these members. When a name repeats, the last value counts. */
export function objectOf(members: Iterable<readonly [string, Json]>): JsonObject {
  const object = emptyObject();
  for (const [name, value] of members) object[name] = value;
  return object;
}

/** Parses a JSON object; undefined if the text is not one. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value = parseJson(text);
    return isJsonObject(value) ? objectOf(Object.entries(value)) : undefined;
  } catch {
    return undefined;
  }
}
