import type { Field } from './field.ts';

/** What discovery tells of one stream of a connection. */
export interface StreamInfo {
  /** The name by which a sync refers to it, such as `public.customers`. */
  readonly name: string;
  /** Empty where the system does not say which fields its records have. */
  readonly fields: readonly Field[];
  /** The fields that identify a record; empty where there are none. */
  readonly primaryKey: readonly string[];
}
