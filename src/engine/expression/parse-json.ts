import { parse } from 'lossless-json';
import type { Json } from '../../model/json.ts';
import { toNumber } from './decimal.ts';

/**
 * Reads JSON text without changing a number: what a double cannot hold becomes an `ExactNumber`. When an object repeats
 * a name, the last value counts, as in PostgreSQL's jsonb.
 * @throws SyntaxError whose message may quote the text: never show it
 */
export function parseJson(text: string): Json {
  return parse(text, null, {
    parseNumber: toNumber,
    onDuplicateKey: ({ newValue }: { newValue: unknown }) => newValue,
  }) as Json;
}
