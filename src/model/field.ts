/** The kind of values that a field holds, whatever its system calls the type. */
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
  /** False: the field never holds null. Default true. */
  readonly nullable?: boolean;
  /** The name that people see, such as `Account Rating`. Default: `name`. */
  readonly label?: string;
  /** False: the system never tells its values, such as a password. Default true. */
  readonly readable?: boolean;
  /** False: a create may not set it. Default true. */
  readonly creatable?: boolean;
  /** False: an update may not change it. Default true. */
  readonly updatable?: boolean;
  /** True: a create must set it. Default false. */
  readonly required?: boolean;
  /** True: no two records have the same value. Default false. */
  readonly unique?: boolean;
  /** The only texts that it takes, such as Hot, Warm and Cold. Absent: any. */
  readonly values?: readonly string[];
}
