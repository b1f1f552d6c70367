import { ExactNumber, isJsonObject, type Json } from '../../model/json.ts';

/** A value as the API shows it: JSON.stringify cannot print an exact number, so it is shown as text. */
export function shownJson(value: Json): unknown {
  if (value instanceof ExactNumber) return value.digits;
  if (Array.isArray(value)) return value.map(shownJson);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shownJson(each)]));
}
