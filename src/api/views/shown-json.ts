import { ExactNumber, isJsonObject, type Json } from '../../model/json.ts';

/** Returns a value as the API shows it. An exact number is shown as text, because JSON.stringify cannot print it. */
export function shownJson(value: Json): unknown {
  if (value instanceof ExactNumber) return value.digits;
  if (Array.isArray(value)) return value.map(shownJson);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shownJson(each)]));
}
