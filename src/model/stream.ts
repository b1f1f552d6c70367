import type { Field } from './field.ts';

/** The facts that discovery tells about one stream of a connection. */
export interface StreamInfo {
  /** The name by which a sync refers to it, such as `public.customers`. */
  readonly name: string;
  /** The stream's fields; empty when the system does not say which fields its records have. */
  readonly fields: readonly Field[];
  /** The fields that identify a record; empty when there are none. */
  readonly primaryKey: readonly string[];
}
