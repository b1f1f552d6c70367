import { ExactNumber, type Json } from '../../model/json.ts';
import { canonicalDecimal } from '../expression/decimal.ts';
import { stableText } from '../values/stable-text.ts';

/** A system's own id of a record as text: numbers in their one spelling; null when it is null, missing or empty. */
export function idText(value: Json | undefined): string | null {
  if (value === null || value === undefined || value === '') return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? String(value) : canonicalDecimal(String(value));
  if (value instanceof ExactNumber) return canonicalDecimal(value.digits);
  return stableText(value);
}
