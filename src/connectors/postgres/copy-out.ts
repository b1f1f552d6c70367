import { to } from 'pg-copy-streams';
import { fellSilent } from './failures.ts';
import type { Session } from './session.ts';

/**
 * The bytes of `COPY … TO STDOUT`. A consumer that stops early closes the connection, which ends the query at
 * the server. A link that stays silent for the statement time-out counts as dead.
 */
export async function* copyOut(
  session: Session,
  query: string,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const lease = await session.acquire(signal);
  let timer: NodeJS.Timeout | undefined;
  try {
    // Whoever takes the rows may pause for longer than a statement may last.
    await session.begin(lease.client, { statementMs: 0, idleMs: 0 });
    const stream = lease.client.query(to(`COPY (${query}) TO STDOUT`, { highWaterMark: 1 << 18 }));
    // What the connection still reports after the end must not end the process.
    stream.on('error', () => undefined);
    const abort = () => stream.destroy(signal?.reason as Error);
    signal?.addEventListener('abort', abort, { once: true });
    const silent = () => stream.destroy(fellSilent(session.connection));
    timer = setTimeout(silent, session.statementTimeoutMs);
    for await (const chunk of stream) {
      clearTimeout(timer);
      yield chunk as Buffer;
      timer = setTimeout(silent, session.statementTimeoutMs);
    }
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    await session.run(lease.client, 'COMMIT');
    lease.release(false);
  } catch (error) {
    throw lease.failure(error);
  } finally {
    clearTimeout(timer);
    lease.release(true);
  }
}
