import { attended } from '../host/attended.ts';
import type { Shared } from './shared.ts';
import type { Session } from './session.ts';

/** Runs an activity's work on the run's session. */
export function withSession<T>(
  deps: Shared,
  run: string,
  work: (session: Session, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return attended(deps, run, (signal) =>
    deps.sessions.use(run, (session) => work(session, signal)),
  );
}
