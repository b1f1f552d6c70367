import { supervised } from '../host/supervised.ts';
import type { Session } from './session.ts';
import type { Dependencies } from '../host/dependencies.ts';
import type { Steering } from '../host/steering.ts';
import type { Sessions } from './sessions.ts';

/** The parts that all activities of one worker share. */
export interface WorkerDependencies extends Dependencies {
  readonly sessions: Sessions;
  readonly steering: Steering;
}

/** Runs the work of an activity, supervised, with the run's session. */
export function withSession<T>(
  deps: WorkerDependencies,
  run: string,
  work: (session: Session, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return supervised(deps, run, (signal) =>
    deps.sessions.use(run, (session) => work(session, signal)),
  );
}
