import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { LimitInfo } from '../../../model/quota.ts';
import { unlimited, type Calls } from '../../contract/calls.ts';
import { at } from '../paths.ts';
import { HttpClient } from './client.ts';
import type { LimitsOf } from './limits.ts';

type Reply = readonly [status: number, body: unknown, headers?: Readonly<Record<string, string>>];

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()));
});

/** An API that gives these answers, one after the other, and a client that calls it; what the quota was told. */
async function vendor(limits: LimitsOf, ...replies: Reply[]) {
  const server = createServer((_, response) => {
    const [status, body, headers = {}] = replies.shift() ?? [200, {}];
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  open.push(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const client = new HttpClient({ connection: 'leads', url, timeoutMs: 5_000, limits });
  const told: (LimitInfo | undefined)[] = [];
  const calls: Calls = {
    ...unlimited,
    make: (send, options) =>
      unlimited.make(async (wire) => {
        const answered = await send(wire);
        told.push(answered.limits);
        return answered;
      }, options),
  };
  const call = { method: 'GET', path: '/leads', label: '/leads' };
  return { request: () => client.request(call, calls), told };
}

const marketo: LimitsOf = ({ body }) => {
  const errors = at(body, 'errors') ?? [];
  const code = Array.isArray(errors) ? at(errors[0], 'code') : undefined;
  if (code === '606') return { limited: true, retryAfterMs: 20_000 };
  if (code === '607') return { limited: true, long: { day: { remaining: 0 } } };
  return undefined;
};

it('a 200 whose body says that the rate was too high is limited (R9)', async () => {
  const refused = { success: false, errors: [{ code: '606', message: 'Max rate limit' }] };
  const { request, told } = await vendor(marketo, [200, refused], [200, { success: true }]);
  await expect(request()).rejects.toMatchObject({ class: 'limited', retryAfterMs: 20_000 });
  expect(told).toEqual([{ limited: true, retryAfterMs: 20_000 }]);
  expect((await request()).body).toEqual({ success: true });
  expect(told[1]).toEqual({});
});

it('a 200 whose body says that the day is used up names the window', async () => {
  const refused = { success: false, errors: [{ code: '607', message: 'Daily quota reached' }] };
  const { request, told } = await vendor(marketo, [200, refused]);
  await expect(request()).rejects.toMatchObject({ class: 'limited' });
  expect(told).toEqual([{ limited: true, long: { day: { remaining: 0 } } }]);
});

/** Shares of an hour's calls, in percent, of an account that may make 5,000. */
const facebook: LimitsOf = ({ status, headers, body }) => {
  const usage = JSON.parse(headers.get('x-business-use-case-usage') ?? '{}') as Record<
    string,
    { call_count: number; estimated_time_to_regain_access: number }[]
  >;
  const [first] = Object.values(usage).flat();
  const hour = first && { used: first.call_count * 50, requests: 5_000 };
  const isLimited = status === 400 && [4, 17, 32, 613].includes(Number(at(body, 'error.code')));
  const wait = (first?.estimated_time_to_regain_access ?? 0) * 60_000;
  return {
    ...(isLimited && { limited: true, ...(wait > 0 && { retryAfterMs: wait }) }),
    ...(hour && { long: { hour } }),
  };
};

function usageHeader(percent: number, minutes: number) {
  const of = {
    type: 'custom_audience',
    call_count: percent,
    estimated_time_to_regain_access: minutes,
  };
  return { 'x-business-use-case-usage': JSON.stringify({ act_1: [of] }) };
}

it('a 400 with a code of its own is limited, and a header of its own tells what is used', async () => {
  const { request, told } = await vendor(
    facebook,
    [200, { id: '1' }, usageHeader(28, 0)],
    [400, { error: { code: 17 } }, usageHeader(100, 7)],
    [400, { error: { code: 100 } }],
  );
  await request();
  await expect(request()).rejects.toMatchObject({ class: 'limited', retryAfterMs: 420_000 });
  // Any other 400 is for the caller to judge.
  expect((await request()).status).toBe(400);
  expect(told).toEqual([
    { long: { hour: { used: 1_400, requests: 5_000 } } },
    { limited: true, retryAfterMs: 420_000, long: { hour: { used: 5_000, requests: 5_000 } } },
    {},
  ]);
});

const salesforce: LimitsOf = ({ headers }) => {
  const [, used, requests] =
    /api-usage=(\d+)\/(\d+)/.exec(headers.get('sforce-limit-info') ?? '') ?? [];
  return { limited: false, long: { day: { used: Number(used), requests: Number(requests) } } };
};

it('what a vendor says stands in place of what the standard headers say', async () => {
  const headers = {
    'sforce-limit-info': 'api-usage=18/5000',
    'retry-after': '3',
    'ratelimit-remaining': '7',
  };
  const { request, told } = await vendor(salesforce, [429, {}, headers]);
  expect((await request()).status).toBe(429);
  const expected = { remaining: 7, long: { day: { used: 18, requests: 5_000 } } };
  expect(told).toMatchObject([{ limited: false, ...expected }]);
});
