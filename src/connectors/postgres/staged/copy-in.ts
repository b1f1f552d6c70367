import type pg from 'pg';
import { from } from 'pg-copy-streams';
import { fellSilent } from '../failures/failures.ts';
import type { Session } from '../link/session.ts';

/**
 * Sends bytes through `COPY … FROM STDIN`, no faster than the server takes them. A link that takes no byte for the
 * connection's time-out counts as dead; so does one that gives no answer at the end for a statement's longest time. On
 * any failure the caller must close the connection: only that ends the COPY on the server.
 * @returns the number of rows copied
 */
export async function copyIn(
  session: Session,
  client: pg.PoolClient,
  statement: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<number> {
  const copy = client.query(from(statement));
  const broken = new Promise<never>((_, reject) => copy.on('error', reject));
  broken.catch(() => undefined);
  const step = (act: (done: Done) => void, limitMs: number): Promise<void> =>
    within(limitMs, session.connection, Promise.race([broken, promised(act)]));
  for await (const chunk of bytes) await step((done) => copy.write(chunk, done), session.timeoutMs);
  await step((done) => copy.end(done), session.statementTimeoutMs + session.timeoutMs);
  return copy.rowCount;
}

type Done = (error?: Error | null) => void;

function promised(act: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    act((error) => (error ? reject(error) : resolve()));
  });
}

async function within(limitMs: number, connection: string, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(fellSilent(connection)), limitMs);
  });
  try {
    await Promise.race([work, silence]);
  } finally {
    clearTimeout(timer);
  }
}
