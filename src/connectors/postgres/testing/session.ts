import { unlimited, type Calls } from '../../contract/calls.ts';
import { Link, type LinkOptions } from '../link/link.ts';
import type { Session } from '../link/session.ts';

/** A session for tests; closing it closes its link. */
export type TestSession = Session & { close(): Promise<void> };

/** Opens a link to a database, and a session on it. */
export function testSession(
  url: string,
  more: Partial<LinkOptions> = {},
  calls: Calls = unlimited,
): TestSession {
  const limits = { statementTimeoutMs: 60_000, timeoutMs: 60_000 };
  const link = new Link({ connection: 'shop', url, ...limits, ...more });
  return Object.assign(link.session(calls), { close: () => link.close() });
}
