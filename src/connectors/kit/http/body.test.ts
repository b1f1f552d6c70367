import { afterEach, expect, it } from 'vitest';
import { unlimited } from '../../contract/calls.ts';
import { ExactNumber } from '../../../model/json.ts';
import { serve, type Served } from '../testing/served.ts';
import { formBody, multipartBody, textBody, type EncodedBody } from './body.ts';
import { callsBy, wireOf } from '../../testing/direct.ts';
import type { Call } from './call.ts';
import { HttpClient } from './client.ts';

const open: Served[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

/** Sends a body to a server that answers so; what arrived, and the answer. */
async function sent(
  body: EncodedBody,
  reply: Parameters<typeof serve>[0] = () => ({}),
  more: Partial<Call> = {},
) {
  const server = await serve(reply);
  open.push(server);
  const client = new HttpClient({ connection: 'c', url: server.url, timeoutMs: 2000 });
  const call: Call = { method: 'POST', path: '/x', label: '/x', body, ...more };
  const answer = await client.request(call, unlimited);
  return { server, answer, arrived: server.arrived[0], client, call };
}

it('writes forms with brackets, every number with its digits', async () => {
  const { arrived } = await sent(
    formBody({
      email: 'a+b@x.org',
      metadata: { plan: 'x & y', old: null },
      items: [{ price: 'p1', quantity: 2 }, { price: 'p2' }],
      amount: new ExactNumber('12345678901234567890.10'),
      active: false,
      tax_rates: [],
      nothing: {},
    }),
  );
  expect(arrived?.headers['content-type']).toBe('application/x-www-form-urlencoded');
  expect([...new URLSearchParams(arrived?.body)]).toEqual([
    ['email', 'a+b@x.org'],
    ['metadata[plan]', 'x & y'],
    ['metadata[old]', ''],
    ['items[0][price]', 'p1'],
    ['items[0][quantity]', '2'],
    ['items[1][price]', 'p2'],
    ['amount', '12345678901234567890.10'],
    ['active', 'false'],
    ['tax_rates', ''],
  ]);
});

it('sends texts as they are, and gives an answer as text where it is asked for', async () => {
  const csv = 'Id,Name\n1,"Jürgen, or ""J"""\n';
  const { arrived, answer } = await sent(
    textBody(csv, 'text/csv; charset=UTF-8'),
    () => ({ text: '"sf__Id"\n"001"\n' }),
    { method: 'PUT', answer: 'text' },
  );
  expect([arrived?.method, arrived?.headers['content-type']]).toEqual([
    'PUT',
    'text/csv; charset=UTF-8',
  ]);
  expect(arrived?.body).toBe(csv);
  expect([answer.text, answer.body]).toEqual(['"sf__Id"\n"001"\n', undefined]);
});

it('gives a refusal as JSON also to a call that asked for text', async () => {
  const refusal = [{ errorCode: 'INVALIDJOBSTATE', message: 'no' }];
  const { answer } = await sent(textBody('a', 'text/csv'), () => ({ status: 400, json: refusal }), {
    answer: 'text',
  });
  expect([answer.text, answer.body]).toEqual([undefined, refusal]);
});

it('uploads files in parts, also when the call is made again', async () => {
  const body = multipartBody(
    [
      {
        field: 'file',
        fileName: 'leads.csv',
        content: 'email\na@x.org\n',
        contentType: 'text/csv',
      },
    ],
    { format: 'csv' },
  );
  let refusals = 1;
  const { server, client, call } = await sent(body, () => ({ json: {} }));
  const again = callsBy(async (send, signal) => {
    while (refusals-- > 0) await send(wireOf(signal));
    return (await send(wireOf(signal))).value;
  });
  await client.request(call, again);
  expect(server.arrived).toHaveLength(3);
  for (const { headers, body: content } of server.arrived) {
    const form = await new Response(content, {
      headers: { 'content-type': headers['content-type'] ?? '' },
    }).formData();
    const file = form.get('file') as File;
    expect([form.get('format'), file.name, file.type]).toEqual(['csv', 'leads.csv', 'text/csv']);
    expect(await file.text()).toBe('email\na@x.org\n');
  }
});
