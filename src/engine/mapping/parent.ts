import type { Json } from '../../model/json.ts';
import type { KeyValues } from '../../model/record.ts';
import type { Fault } from './fault.ts';
import type { OwnEntry } from './own-entry.ts';

/**
 * Where a field that points to another record finds it: `account: { lookup: { stream: Account, key: { Website: website } } }`
 * writes the id of the account whose `Website` is the record's `website`.
 */
export interface ParentRule {
  /** The parent's stream, at the same destination. */
  readonly stream: string;
  /** The parent's field whose value is written; null: the system's own id of it. */
  readonly field: string | null;
  /** The parent's key fields, each with where its value comes from in the record. */
  readonly key: readonly OwnEntry[];
}

/** Finds the value that stands for a parent; it was looked up before. */
export type ParentOf = (
  rule: ParentRule,
  key: KeyValues,
  to: string,
) => { readonly value: Json } | { readonly fault: Fault };

/** What is wrong with a record whose parent is not there (yet); sent again, it may land. */
export function missingParent({ stream, key }: ParentRule, to: string): Fault {
  const names = key.map((part) => part.to).join(', ');
  const message = `no record of ${stream} has this ${names}`;
  return { code: 'missing_parent', message, field: to, retryable: true };
}

/** What is wrong with a record that several parents fit. */
export function ambiguousParent({ stream, key }: ParentRule, to: string, count: number): Fault {
  const names = key.map((part) => part.to).join(', ');
  const message = `${count} records of ${stream} have this ${names}`;
  return { code: 'ambiguous_parent', message, field: to };
}
