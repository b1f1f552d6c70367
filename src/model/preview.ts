import type { Json } from './json.ts';
import type { KeyValues } from './record.ts';

/** The most changes, and the most keys of removals, that a preview shows. */
export const previewSize = 20;

/** One field of a record that a dry run would write. */
export interface PreviewField {
  readonly field: string;
  /** The present value; null for a record that would be created; absent when the destination cannot be read. */
  readonly before?: Json;
  readonly after: Json;
}

/** One record that a dry run would write. */
export interface PreviewChange {
  readonly operation: 'create' | 'update';
  readonly key: KeyValues;
  /** For an update, only the fields that differ, where that is known. */
  readonly fields: readonly PreviewField[];
}

/** The removals that a mirror would make. */
export interface PreviewRemoval {
  readonly remove: number;
  readonly of: number;
  /** True when the run would wait for approval first (R7). */
  readonly needsApproval: boolean;
  readonly keys: readonly KeyValues[];
}

/** The findings of one step of a dry run. */
export interface PreviewPart {
  readonly canRead?: boolean;
  /** The reason why the destination cannot be read, and what decides instead. */
  readonly reason?: string;
  readonly changes?: readonly PreviewChange[];
  readonly removal?: PreviewRemoval;
}

/**
 * The result of a dry run, shown by samples. The counts are in the run's stats, refused records among its record
 * errors.
 */
export interface Preview {
  readonly canRead: boolean;
  readonly reason: string | null;
  /** At most {@link previewSize} changes, updates first. */
  readonly changes: readonly PreviewChange[];
  readonly removal: PreviewRemoval | null;
}
