import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * The ways in which a call is answered, chosen by the first part of its path. `ok` and `list` succeed; the others
 * misbehave.
 */
export const misbehaviours = [
  'status400',
  'status401',
  'status429',
  'status500',
  'items400',
  'redirect',
  'page',
  'cut',
  'silent',
] as const;

/** Starts an API that repeats in every answer all that it was sent: address, headers and body. */
export async function startHostileApi(
  records: readonly object[],
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => answer(request, response, body, records));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
  records: readonly object[],
): void {
  const how = request.url?.split('/')[1] ?? '';
  const values = JSON.stringify(body === '' ? null : loose(body)).replaceAll('"', '');
  const echo = `${request.method} ${decodeURIComponent(request.url ?? '')} ${request.url} ${JSON.stringify(request.headers)} ${values} ${body}`;
  const send = (status: number, content: unknown, headers: Record<string, string> = {}): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof content === 'string' ? content : JSON.stringify(content));
  };
  if (how === 'ok') send(200, { id: `id of ${values}` });
  else if (how === 'list') send(200, records);
  else if (how.startsWith('status'))
    send(
      Number(how.slice(6)),
      { message: `${values} ${echo}`, field: echo },
      { 'retry-after': '1' },
    );
  else if (how === 'items400')
    send(
      200,
      [loose(body)].flat().map(() => ({ status: 400, error: { message: values } })),
    );
  else if (how === 'redirect') send(302, '', { location: `/ok?was=${encodeURIComponent(echo)}` });
  else if (how === 'page') send(200, `<html>${echo}</html>`, { 'content-type': 'text/html' });
  else if (how === 'cut') {
    response.writeHead(200, { 'content-length': '100000' });
    response.write(echo, () => request.socket.destroy());
  }
  // `silent` never answers.
}

function loose(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
