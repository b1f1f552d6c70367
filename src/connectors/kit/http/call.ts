import type { Json } from '../../../model/json.ts';
import type { EncodedBody } from './body.ts';

/** A request to the API. Example: `{ method: 'GET', path: '/contacts', label: '/contacts', params: [['limit', '100']] }`. */
export interface Call {
  readonly method: string;
  /** Path added to the base address, placeholders filled; or a whole address of the same origin. */
  readonly path: string;
  /** The call's name in messages: the path as the settings have it, without values of a record (R1). */
  readonly label: string;
  readonly params?: readonly (readonly [string, string])[];
  /** JSON, its numbers with all their digits; or a form, a text or files. */
  readonly body?: Json | EncodedBody;
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * `text`: an answer of 2xx is given as it is in `Answer.text`, such as the CSV of a job's results. Default `json`.
   */
  readonly answer?: 'json' | 'text';
  /** The bucket of the connection's quota that it draws on, such as HubSpot's `search`. Default `default`. */
  readonly bucket?: string | undefined;
  /** False: it changes nothing that counts (`CallOptions.effect`), so it may be repeated. Default true. */
  readonly effect?: boolean | undefined;
}

/**
 * An answer that is neither a refusal of the caller nor a failure of the server: 2xx, or another 4xx. It was read whole,
 * up to 64 MiB.
 */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed body; undefined where it is empty or not JSON, and of an answer that was asked for as text. */
  readonly body: Json | undefined;
  /** The body of a 2xx to a call that asked for text. Absent: it did not, or the status is another, or the body is `garbled`. */
  readonly text?: string;
  /** The body holds bytes that are no text. */
  readonly garbled: boolean;
  /** Length of the body in characters. */
  readonly size: number;
}
