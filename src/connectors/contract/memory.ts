import { ConfigError } from '../../model/failure.ts';

/**
 * What a connection remembers between runs, such as an OAuth refresh token that rotates: sealed at rest, shared by all
 * workers, and dropped with the connection.
 */
export interface Memory {
  /** The value under a name; null where there is none. */
  get(name: string): Promise<Remembered | null>;
  /**
   * Replaces a value if it still is the one that was read (compare and set).
   * @param value null forgets it
   * @param before what `get` returned; null: there must be none
   * @returns false where somebody else was faster: read again
   */
  swap(name: string, value: string | null, before: Remembered | null): Promise<boolean>;
}

/** A remembered value. */
export interface Remembered {
  readonly value: string;
  /** Changes with every `swap`. */
  readonly version: string;
}

/** The memory of a connection that is tried where nothing can be kept, as by `sluice check`. */
export const noMemory: Memory = {
  get: () => Promise.resolve(null),
  swap() {
    const message = 'this connection must remember a token: check it through a running server';
    throw new ConfigError('needs_server', message);
  },
};
