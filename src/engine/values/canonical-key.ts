import { own } from '../../model/own.ts';
import type { Field } from '../../model/field.ts';
import { instant } from '../../model/instant.ts';
import { ExactNumber, type Json } from '../../model/json.ts';
import type { KeyMatch } from '../../model/match.ts';
import type { KeyValues } from '../../model/record.ts';
import { canonicalDecimal } from '../expression/decimal.ts';
import { stableText } from './stable-text.ts';

/**
 * Returns the text by which keys are compared: two keys match exactly when their texts are equal.
 * - Numbers compare by value and equal their own spelling as text: 42, 42.0 and "42" match.
 * - A text compares as the value that the destination's key field would hold: "0042" is 42 where the key is a number.
 * - Where that field is text or unknown, a text is compared exactly, but for what `match` asks.
 * - The result is a JSON list, so the parts of a composite key cannot run into one another.
 *
 * @returns null when a part is null, missing or, unless `match.emptyIsKey`, an empty text: the record has no key
 */
export function canonicalKey(values: KeyValues, match: KeyMatch): string | null {
  const parts: string[] = [];
  for (const [at, value] of values.entries()) {
    const part = canonicalPart(value, match, match.fields?.[at]);
    if (part === null) return null;
    parts.push(part);
  }
  return JSON.stringify(parts);
}

/** Returns one part of {@link canonicalKey}; null when it is missing. */
export function canonicalPart(
  value: Json | undefined,
  match: KeyMatch,
  field?: Field,
): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number') return canonicalDecimal(String(value)) ?? String(value);
  if (value instanceof ExactNumber) return canonicalDecimal(value.digits) ?? value.digits;
  if (typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return stableText(value);
  const trimmed = match.trim ? value.trim() : value;
  if (trimmed === '' && match.emptyIsKey !== true) return null;
  return asHeld(match.caseInsensitive ? trimmed.toLowerCase() : trimmed, field);
}

const truths: Readonly<Record<string, string>> = {
  t: 'true',
  true: 'true',
  f: 'false',
  false: 'false',
};

/** Returns the text of the value that a field of this type would hold; unchanged where the field cannot hold it. */
function asHeld(text: string, field: Field | undefined): string {
  switch (field?.type) {
    case 'integer':
    case 'decimal':
    case 'float':
      return canonicalDecimal(text.trim()) ?? text;
    case 'boolean':
      return own(truths, text.trim().toLowerCase()) ?? text;
    case 'timestamptz':
      return String(instant(text.trim()) ?? text);
    default:
      return asNative(text, field?.native);
  }
}

function asNative(text: string, native = ''): string {
  if (native === 'uuid') return text.toLowerCase().replace(/[{}-]/g, '');
  if (native === 'citext') return text.toLowerCase();
  // A fixed-length type pads with spaces, which are not part of the value.
  return /^(character\(|bpchar)/.test(native) ? text.replace(/ +$/, '') : text;
}
