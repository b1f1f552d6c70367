/** Who must act on a failure; every failure is classed once (DESIGN section 5). */
export type FailureClass = 'transient' | 'limited' | 'config' | 'bug';

/** Names the connection whose call failed. */
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

/** The call may succeed when made again: a dead link, a time-out, a server error. Retried with backoff. */
export class TransientError extends SluiceError {
  readonly class = 'transient';
}

/** The connection's quota is used up; the call is made again after `retryAfterMs` (R9). */
export class LimitedError extends SluiceError {
  readonly class = 'limited';
  /** Milliseconds until the next call is welcome; undefined where the system did not say. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs: number | undefined, options: FailureOptions = {}) {
    super('limited', message, options);
    this.retryAfterMs = retryAfterMs;
  }
}

/** Wrong credentials or a wrong spec: no retry helps, a person must act. The run fails at once. */
export class ConfigError extends SluiceError {
  readonly class = 'config';
}

/**
 * The destination refused a call as a whole for the sake of some of its records. The exporter splits the
 * call until the records at fault stand alone; a call of one record makes this its record error.
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
