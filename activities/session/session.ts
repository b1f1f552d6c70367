import type { Path } from '../paths/path.ts';
import type { RunWarning } from '../../src/model/run.ts';
import type { Ends } from '../ends/ends.ts';

/** Both ends of a run and the path between them, opened once per worker and shared by the run's activities. */
export interface Session {
  readonly ends: Ends;
  /** The path of the run's chunks. */
  readonly path: Path;
  /** The watermark from which everything is read; null where only a read without one gives all records. */
  readonly origin: string | null;
  /** What the user should know of the run when it opens. */
  readonly warnings: readonly RunWarning[];
  close(): Promise<void>;
}
