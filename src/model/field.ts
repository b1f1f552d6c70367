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

/** One field of a stream. */
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  /** The type's name in its own system, such as `numeric(10,2)`; absent where the system has no types. */
  readonly native?: string;
  /** Whether the field may hold null. Default true. */
  readonly nullable?: boolean;
}
