import type { Json } from '../../model/json.ts';
import { sameValue } from '../values/same-value.ts';

/**
 * True when two values of one field of an entity are the same. Both are coerced, so texts are equal only when
 * identical.
 */
export function sameFieldValue(a: Json, b: Json): boolean {
  if (a === b) return true;
  return typeof a === typeof b && typeof a !== 'object' ? false : sameValue(a, b);
}

/** True when a merge may fill the field: it is null, missing or an empty text. */
export function isEmpty(value: Json | undefined): boolean {
  return value === null || value === undefined || value === '';
}
