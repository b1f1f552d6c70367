import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { whenSent } from './when-sent.ts';

test('each request tells when it leaves, not when it is made', async () => {
  const arrived: string[] = [];
  const server = createServer((request, response) => {
    arrived.push(request.url ?? '');
    setTimeout(() => response.end('{}'), 20);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const told: string[] = [];
    const one = async (path: string): Promise<void> => {
      const answer = await whenSent(
        () => {
          expect(arrived).not.toContain(path);
          told.push(path);
        },
        () => fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: '{}' }),
      );
      await answer.text();
      expect(told).toContain(path);
    };
    const paths = Array.from({ length: 6 }, (_, n) => `/${n}`);
    await Promise.all(paths.map(one));
    for (const path of paths) await one(`${path}/again`);
    expect(told).toHaveLength(12);
    expect(new Set(told)).toEqual(new Set(arrived));
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
