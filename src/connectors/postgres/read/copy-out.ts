import type pg from 'pg';
import { to } from 'pg-copy-streams';
import { ConfigError } from '../../../model/failure.ts';
import { fellSilent } from '../failures/failures.ts';
import { legacyBytes, utf8From, type LegacyEncoding } from '../values/legacy-text.ts';
import type { Session } from '../link/session.ts';

type Copy = ReturnType<typeof to>;

/**
 * Streams the bytes of `COPY … TO STDOUT`, in UTF-8. A consumer that stops early closes the connection, which ends the
 * query on the server. A link that stays silent for the statement time-out counts as dead.
 */
export async function* copyOut(session: Session, query: string): AsyncGenerator<Buffer> {
  const { signal } = session.calls;
  const lease = await session.acquire();
  let timer: NodeJS.Timeout | undefined;
  try {
    // The consumer of the rows may pause for longer than a statement may last.
    const limits = { statementMs: 0, idleMs: 0 };
    const { encoding } = session;
    await session.begin(lease.client, {
      ...limits,
      ...(encoding && { clientEncoding: unchecked }),
    });
    const copy = to(`COPY (${query}) TO STDOUT`, { highWaterMark: 1 << 18 });
    const stream = lease.client.query(encoding ? sentIn(encoding, copy, session) : copy);
    const decode = encoding ? decoder(encoding, session) : (chunk: Buffer) => chunk;
    // An error that the connection reports after the end must not end the process.
    stream.on('error', () => undefined);
    const abort = () => stream.destroy(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    const silent = () => stream.destroy(fellSilent(session.connection));
    timer = setTimeout(silent, session.statementTimeoutMs);
    for await (const chunk of stream) {
      clearTimeout(timer);
      yield decode(chunk as Buffer);
      timer = setTimeout(silent, session.statementTimeoutMs);
    }
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    await session.run(lease.client, 'COMMIT');
    lease.release(false);
  } catch (error) {
    throw lease.failure(error);
  } finally {
    clearTimeout(timer);
    lease.release(true);
  }
}

/** A client encoding with which the server passes texts unchanged. */
const unchecked = 'SQL_ASCII';

/** Makes the copy send its statement in the encoding of the texts that the statement is compared with. */
function sentIn(encoding: LegacyEncoding, copy: Copy, session: Session): Copy {
  const { connection, databaseEncoding } = session;
  if (databaseEncoding !== unchecked) {
    const message = `${connection}: the database is in ${databaseEncoding} and says so itself: leave "encoding" out`;
    throw new ConfigError('invalid_encoding', message, { connection });
  }
  const text = legacyBytes(copy.text, encoding);
  if (text === null) throw notInEncoding(session, encoding);
  const submit = copy.submit.bind(copy);
  copy.submit = (wire: pg.Connection) => {
    const query = () => wire.stream.write(simpleQuery(text));
    submit(Object.create(wire, { query: { value: query } }) as pg.Connection);
  };
  return copy;
}

/** Builds a message of the simple query protocol. */
function simpleQuery(text: Buffer): Buffer {
  const head = Buffer.from('Q\0\0\0\0');
  head.writeInt32BE(text.length + 5, 1);
  return Buffer.concat([head, text, Buffer.of(0)]);
}

function decoder(encoding: LegacyEncoding, session: Session): (chunk: Buffer) => Buffer {
  const decode = utf8From(encoding);
  return (chunk) => {
    const text = decode(chunk);
    if (text === null) throw notInEncoding(session, encoding);
    return text;
  };
}

function notInEncoding({ connection }: Session, encoding: LegacyEncoding): ConfigError {
  const message = `${connection}: the database holds text that is not in ${encoding}: set "encoding" to what it is in`;
  return new ConfigError('invalid_encoding', message, { connection });
}
