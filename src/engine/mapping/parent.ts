import type { Json } from '../../model/json.ts';
import type { KeyValues } from '../../model/record.ts';
import type { Fault } from './fault.ts';
import type { OwnEntry } from './own-entry.ts';

/**
 * A field that points to another record, found by that record's key. Example: `account: { lookup: { stream: Account,
 * key: { Website: website } } }` writes the id of the account whose `Website` is the record's `website`.
 */
export interface ParentRule {
  /** The parent's stream, in the same destination. */
  readonly stream: string;
  /** The parent's field whose value is written; null writes the parent's id in the destination's system. */
  readonly field: string | null;
  /** The parent's key fields, each with its origin in the record. */
  readonly key: readonly OwnEntry[];
}

/** Returns the value that stands for a parent, which was looked up before. */
export type ParentOf = (
  rule: ParentRule,
  key: KeyValues,
  to: string,
) => { readonly value: Json } | { readonly fault: Fault };

/**
 * Returns the fault of a record whose parent does not exist yet. It is retryable: sent again later, it may succeed.
 */
export function missingParent({ stream, key }: ParentRule, to: string): Fault {
  const names = key.map((part) => part.to).join(', ');
  const message = `no record of ${stream} has this ${names}`;
  return { code: 'missing_parent', message, field: to, retryable: true };
}

/** Returns the fault of a record whose parent's key fits several records. */
export function ambiguousParent({ stream, key }: ParentRule, to: string, count: number): Fault {
  const names = key.map((part) => part.to).join(', ');
  const message = `${count} records of ${stream} have this ${names}`;
  return { code: 'ambiguous_parent', message, field: to };
}
