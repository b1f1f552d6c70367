import { Session, type SessionOptions } from '../link/session.ts';

/** A session of a test. */
export function testSession(url: string, more: Partial<SessionOptions> = {}): Session {
  return new Session({
    connection: 'shop',
    url,
    statementTimeoutMs: 60_000,
    timeoutMs: 60_000,
    signal: undefined,
    ...more,
  });
}
