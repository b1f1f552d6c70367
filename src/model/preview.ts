import type { Json } from './json.ts';
import type { KeyValues } from './record.ts';

/** Most changes, and most keys of removals, that a preview shows. */
export const previewSize = 20;

/** One field of a record that a dry run would write. */
export interface PreviewField {
  readonly field: string;
  /** Null for a record that would be created; absent where the destination cannot be read. */
  readonly before?: Json;
  readonly after: Json;
}

/** One record that a dry run would write. */
export interface PreviewChange {
  readonly operation: 'create' | 'update';
  readonly key: KeyValues;
  /** Of an update: only what differs, where that is known. */
  readonly fields: readonly PreviewField[];
}

/** What a mirror would remove. */
export interface PreviewRemoval {
  readonly remove: number;
  readonly of: number;
  /** Whether the run would wait for approval first (R7). */
  readonly needsApproval: boolean;
  readonly keys: readonly KeyValues[];
}

/** What one step of a dry run found. */
export interface PreviewPart {
  readonly canRead?: boolean;
  /** Why the destination cannot be read, and what decides instead. */
  readonly reason?: string;
  readonly changes?: readonly PreviewChange[];
  readonly removal?: PreviewRemoval;
}

/** What a dry run would do, by samples; the counts are in the run's stats, what is refused among its record errors. */
export interface Preview {
  readonly canRead: boolean;
  readonly reason: string | null;
  /** At most {@link previewSize}, updates first. */
  readonly changes: readonly PreviewChange[];
  readonly removal: PreviewRemoval | null;
}
