import { ExactNumber, type Json } from '../../model/json.ts';
import { canonicalDecimal } from '../expression/decimal.ts';
import { stableText } from '../values/stable-text.ts';

/**
 * Returns a system's own id of a record as text; null when it is null, missing or empty. A number has one spelling:
 * 42.0 is `42`.
 */
export function idText(value: Json | undefined): string | null {
  if (value === null || value === undefined || value === '') return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? String(value) : canonicalDecimal(String(value));
  if (value instanceof ExactNumber) return canonicalDecimal(value.digits);
  return stableText(value);
}
