import { expect, it } from 'vitest';
import { unlimited, type Calls } from '../../contract/calls.ts';
import { HttpClient } from '../http/client.ts';
import { serve } from '../testing/served.ts';
import type { ListCall } from './list.ts';
import { readPage } from './pages.ts';

it('draws on the bucket of the list, here and nowhere else', async () => {
  const server = await serve(() => ({ json: { results: [] } }));
  const client = new HttpClient({ connection: 'hub', url: server.url, timeoutMs: 2000 });
  const drawn: (string | undefined)[] = [];
  const calls: Calls = {
    ...unlimited,
    make(send, options) {
      drawn.push(options?.bucket);
      return unlimited.make(send);
    },
  };
  const list: ListCall = { path: '/search', records: 'results', pagination: { type: 'none' } };
  await readPage(client, { ...list, bucket: 'search' }, null, {}, calls);
  await readPage(client, list, null, {}, calls);
  await server.close();
  expect(drawn).toEqual(['search', 'default']);
});
