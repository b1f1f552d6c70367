import { ExactNumber, type Json } from '../../model/json.ts';
import { canonicalDecimal } from '../expression/decimal.ts';

/**
 * Returns a JSON text that is the same for equal values, whatever the order of names and the spelling of numbers. The
 * ledger's hash is computed from it.
 */
export function stableText(value: Json): string {
  if (typeof value === 'number') return canonicalDecimal(String(value)) ?? 'null';
  if (value instanceof ExactNumber) return canonicalDecimal(value.digits) ?? value.digits;
  if (Array.isArray(value)) return `[${value.map(stableText).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const names = Object.keys(value).toSorted();
  const members = names.map((name) => `${JSON.stringify(name)}:${stableText(value[name] ?? null)}`);
  return `{${members.join(',')}}`;
}
