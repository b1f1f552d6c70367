/** The class of a failure, which says who must act on it. Every failure is classed once (DESIGN section 5). */
export type FailureClass = 'transient' | 'limited' | 'config' | 'bug';

/** The connection whose call failed, and the error that caused it. */
export interface FailureOptions {
  readonly connection?: string;
  readonly cause?: unknown;
}

/** A failure whose class, code and message are safe to show: never a secret, never a record's content (R1). */
export abstract class SluiceError extends Error {
  abstract readonly class: FailureClass;
  readonly code: string;
  readonly connection?: string;

  constructor(code: string, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    if (options.connection !== undefined) this.connection = options.connection;
  }
}

/** A failure that may pass, so the call is retried with backoff: a dead link, a time-out, a server error. */
export class TransientError extends SluiceError {
  readonly class = 'transient';
}

/** The connection's quota is used up. The call is made again after `retryAfterMs` (R9). */
export class LimitedError extends SluiceError {
  readonly class = 'limited';
  /** Milliseconds until the system accepts calls again; undefined when it did not say. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs: number | undefined, options: FailureOptions = {}) {
    super('limited', message, options);
    this.retryAfterMs = retryAfterMs;
  }
}

/** Wrong credentials or a wrong spec. No retry helps, so the run fails at once and a person must act. */
export class ConfigError extends SluiceError {
  readonly class = 'config';
}

/**
 * The destination refused a call as a whole because of some of its records. The exporter splits the call until the
 * records at fault stand alone; for a call of one record this becomes the record's error.
 */
export class RejectedError extends Error {
  readonly code: string;
  readonly field: string | undefined;

  constructor(code: string, message: string, field?: string) {
    super(message);
    this.name = 'RejectedError';
    this.code = code;
    this.field = field;
  }
}
