import type { Path } from '../paths/path.ts';
import type { Ends } from './ends.ts';

/** Both ends of a run and the path between them, opened once per worker and shared by the run's activities. */
export interface Session {
  readonly ends: Ends;
  /** The path of the run's chunks. */
  readonly path: Path;
  close(): Promise<void>;
}
