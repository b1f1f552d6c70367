import type { Json } from '../../../model/json.ts';

/** One request to the API. */
export interface Call {
  readonly method: string;
  /** Path added to the base address, placeholders filled; or a whole address of the same origin. */
  readonly path: string;
  /** How messages name the call: the path as the settings have it, without values of a record (R1). */
  readonly label: string;
  readonly params?: readonly (readonly [string, string])[];
  readonly body?: Json;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer that is neither a refusal of the caller nor a failure of the server: 2xx, or another 4xx. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed body; undefined where it is empty or not JSON. */
  readonly body: Json | undefined;
  /** The body holds bytes that are no text. */
  readonly garbled: boolean;
  /** Length of the body in characters. */
  readonly size: number;
}
