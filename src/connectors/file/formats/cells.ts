import { ExactNumber, type Json, type JsonObject } from '../../../model/json.ts';
import { stringifyJson } from '../../kit/json.ts';
import { objectOf } from './object.ts';

/** Converts values to the form in which a file holds them, and back. */
export interface Cells {
  encode(value: Json): Json;
  decode(stored: JsonObject): JsonObject;
}

/** Leaves values unchanged: JSON holds each as it is. */
export const jsonCells: Cells = { encode: (value) => value, decode: (stored) => stored };

/**
 * Converts values to CSV texts; null is an empty cell without quotes.
 * @param neutralize true puts `'` before texts that a spreadsheet would take for a formula; numbers stay unchanged
 */
export function csvCells(neutralize: boolean): Cells {
  // A text that already starts with ' and then a formula gets one more ', so that decoding is unambiguous.
  const guard = (text: string) => (neutralize && /^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text);
  const unguard = (cell: Json) =>
    neutralize && typeof cell === 'string' && /^'+[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell;
  return {
    encode(value) {
      if (value === null) return null;
      if (typeof value === 'string') return guard(value);
      if (Object.is(value, -0)) return '-0';
      const isList = typeof value === 'object' && !(value instanceof ExactNumber);
      return isList ? stringifyJson(value) : String(value);
    },
    decode(stored) {
      if (!neutralize) return stored;
      return objectOf(Object.entries(stored).map(([name, cell]) => [name, unguard(cell)]));
    },
  };
}
