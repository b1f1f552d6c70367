import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as a server of a test got it. */
export interface Arrived {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** The answer: a status (200), and JSON or a text; `cut`: none, the connection breaks. */
export interface Reply {
  readonly status?: number;
  readonly json?: unknown;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cut?: boolean;
}

/** A running server of a test. */
export interface Served {
  /** Without a slash at its end. */
  readonly url: string;
  /** Every request so far. */
  readonly arrived: readonly Arrived[];
  close(): Promise<void>;
}

/** Serves HTTP on loopback, each request by `answer`. */
export async function serve(answer: (request: Arrived) => Reply | Promise<Reply>): Promise<Served> {
  const arrived: Arrived[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const url = new URL(request.url ?? '/', 'http://localhost');
      const one: Arrived = {
        method: request.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body: Buffer.concat(parts).toString(),
      };
      arrived.push(one);
      const { status = 200, json, text, headers, cut = false } = await answer(one);
      if (cut) {
        request.socket.destroy();
        return;
      }
      const isText = text !== undefined;
      response.writeHead(status, {
        'content-type': isText ? 'text/csv' : 'application/json',
        ...headers,
      });
      response.end(isText ? text : json === undefined ? '' : JSON.stringify(json));
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    arrived,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
