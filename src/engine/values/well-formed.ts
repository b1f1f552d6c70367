import { ExactNumber, type Json } from '../../model/json.ts';
import type { Fault } from '../mapping/fault.ts';

/**
 * True when every text of a value, names included, is whole. Half of a surrogate pair is no character, so no system can
 * hold it.
 */
export function isWellFormed(value: Json | undefined): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber) return true;
  if (Array.isArray(value)) return value.every(isWellFormed);
  return Object.entries(value).every(([name, each]) => name.isWellFormed() && isWellFormed(each));
}

/** Returns the fault of a record with a text that is not well-formed. */
export function halfCharacter(field: string): Fault {
  const message = 'the text holds half a surrogate pair (UTF-16), which is no character';
  return { code: 'invalid_value', message, field };
}
