/** What kind of values a field holds, whatever its system calls the type. */
export type FieldType =
  | 'text'
  | 'integer'
  | 'decimal'
  | 'float'
  | 'boolean'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'timestamptz'
  | 'json'
  | 'bytes'
  | 'array'
  | 'unknown';

/** The fields of a stream as far as they are known. */
export interface KnownFields {
  /** Empty when nothing is known: every name is accepted then. */
  readonly fields: readonly Field[];
  /** They were learned from some records, and others may have more: every name is accepted too. Default false. */
  readonly sampled?: boolean | undefined;
}

/** The fields of a stream that has not been asked. */
export const nothingKnown: KnownFields = { fields: [] };

/** One field of a stream. */
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  /** The type's name in its own system, such as `numeric(10,2)`; absent where the system has no types. */
  readonly native?: string;
  /** Whether the field may hold null. Default true. */
  readonly nullable?: boolean;
}
