import type { Json } from '../../model/json.ts';
import { sameValue } from '../values/same-value.ts';

/** Whether two values of one field of an entity are the same. Both are coerced: different texts are different. */
export function same(a: Json, b: Json): boolean {
  if (a === b) return true;
  return typeof a === typeof b && typeof a !== 'object' ? false : sameValue(a, b);
}

/** Whether a merge may fill the field: null, missing or an empty text. */
export function isEmpty(value: Json | undefined): boolean {
  return value === null || value === undefined || value === '';
}
