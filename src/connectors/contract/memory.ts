import { ConfigError } from '../../model/failure.ts';

/**
 * Keeps values of a connection between runs, such as an OAuth refresh token that rotates. They are encrypted at rest,
 * shared by all workers, and deleted with the connection.
 */
export interface Memory {
  /** Returns the value under a name; null when there is none. */
  get(name: string): Promise<Remembered | null>;
  /**
   * Replaces a value if it still is the one that was read (compare and set).
   * @param value the new value; null deletes it
   * @param before the result of `get`; null means that there must be no value yet
   * @returns false when another worker was faster: read the value again
   */
  swap(name: string, value: string | null, before: Remembered | null): Promise<boolean>;
}

/** A remembered value. */
export interface Remembered {
  readonly value: string;
  /** Changes with every `swap`. */
  readonly version: string;
}

/** The memory of a connection that is tried by a command, such as `sluice check`, which can keep nothing. */
export const noMemory: Memory = {
  get: () => Promise.resolve(null),
  swap() {
    const message = 'this connection must remember a token: check it through a running server';
    throw new ConfigError('needs_server', message);
  },
};
