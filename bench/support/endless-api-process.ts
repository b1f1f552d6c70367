import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** The process of `startEndlessApi`. */
const records = Number(process.argv[2]);
const most = 100;

function list(url: URL): unknown {
  const offset = Number(url.searchParams.get('offset') ?? 0);
  const limit = Math.min(most, Number(url.searchParams.get('limit') ?? most));
  const size = Math.max(0, Math.min(limit, records - offset));
  const data = Array.from({ length: size }, (_, index) => {
    const id = offset + index + 1;
    return { id, email: `user${id}@example.com`, name: `User ${id}`, plan: id % 3 };
  });
  return { data, more: offset + size < records };
}

async function answer(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (request.method === 'GET') return { status: 200, body: list(url) };
  const sent = ((await json(request)) as { records: unknown[] }).records;
  if (sent.length > most) return { status: 413, body: {} };
  return { status: 200, body: { results: sent.map(() => ({ status: 200 })) } };
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, body } = await answer(request);
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

const server = createServer((request, response) => void serve(request, response));
server.listen(0, '127.0.0.1', () => {
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.on('disconnect', () => process.exit());
