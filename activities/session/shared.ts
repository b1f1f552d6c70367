import type { Dependencies } from '../host/dependencies.ts';
import type { Steering } from '../host/steering.ts';
import type { Sessions } from './sessions.ts';

/** What the activities of one worker share. */
export interface Shared extends Dependencies {
  readonly sessions: Sessions;
  readonly steering: Steering;
}
