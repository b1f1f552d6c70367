import { ExactNumber, type Json } from '../model/json.ts';
import type { Match } from '../model/match.ts';
import type { KeyValues } from '../model/record.ts';
import { canonicalDecimal } from './decimal.ts';
import { stableText } from './stable-text.ts';

/**
 * The text by which keys are compared: equal exactly for keys that match. Numbers compare by value and equal
 * their own spelling as text (42, 42.0 and "42"); text is exact but for what `match` asks. A JSON list, so
 * composite keys cannot run into one another.
 *
 * @returns null when a part is null, missing or empty: the record has no key
 */
export function canonicalKey(values: KeyValues, match: Match): string | null {
  const parts: string[] = [];
  for (const value of values) {
    const part = canonicalPart(value, match);
    if (part === null) return null;
    parts.push(part);
  }
  return JSON.stringify(parts);
}

function canonicalPart(value: Json | undefined, match: Match): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number') return canonicalDecimal(String(value)) ?? String(value);
  if (value instanceof ExactNumber) return canonicalDecimal(value.digits) ?? value.digits;
  if (typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return stableText(value);
  const trimmed = match.trim ? value.trim() : value;
  if (trimmed === '') return null;
  return match.caseInsensitive ? trimmed.toLowerCase() : trimmed;
}
