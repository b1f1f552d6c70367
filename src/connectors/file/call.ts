import type { Calls } from '../contract/calls.ts';
import { fileFailure } from './failures.ts';

/** The subject of a call, for its error messages. */
interface Subject {
  readonly connection: string;
  /** The file or folder. */
  readonly name: string;
}

/** Does a piece of work on files as one call. Failures of the work come out classed; those of `calls` as they are. */
export function callFiles<T>(
  calls: Calls,
  { connection, name }: Subject,
  work: () => Promise<T>,
): Promise<T> {
  return calls.make(async () => {
    try {
      return { value: await work() };
    } catch (error) {
      throw fileFailure(error, connection, name);
    }
  });
}
