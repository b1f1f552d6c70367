import { isJsonObject, type Json, type JsonObject } from '../../../model/json.ts';
import { parseJson } from '../../kit/json.ts';

/** An object that has no names but those that it is given, `constructor` and `__proto__` among them. */
export function emptyObject(): JsonObject {
  return Object.create(null) as JsonObject;
}

/** An object of these members. Later ones win. */
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
