import type { Path } from '../paths/path.ts';
import type { Ends } from './ends.ts';

/** Both ends of a run and the path between them, opened once per worker and shared by the run's activities. */
export interface Session {
  readonly ends: Ends;
  /** The way of a chunk from the source to the destination. */
  readonly path: Path;
  close(): Promise<void>;
}
