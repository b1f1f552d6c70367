import { isJsonObject, type JsonObject } from '../../model/json.ts';
import { parseJson } from '../json.ts';

/** Parses a JSON object; undefined if the text is not one. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value = parseJson(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
