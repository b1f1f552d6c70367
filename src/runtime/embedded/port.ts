import { createServer } from 'node:net';

const host = '127.0.0.1';

/** Returns a port of 127.0.0.1 that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const port = await listenOnce(0);
  if (port === undefined) throw new Error('No free port on 127.0.0.1');
  return port;
}

/** True when a server could listen on this port of 127.0.0.1. */
export async function isPortFree(port: number): Promise<boolean> {
  return (await listenOnce(port)) !== undefined;
}

/** Returns the wanted port when it is free, else any free one. */
export async function freePortNear(wanted: number | undefined): Promise<number> {
  return wanted !== undefined && wanted < 65_536 && (await isPortFree(wanted))
    ? wanted
    : freePort();
}

function listenOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      server.close(() =>
        resolve(typeof address === 'object' && address ? address.port : undefined),
      );
    });
  });
}
