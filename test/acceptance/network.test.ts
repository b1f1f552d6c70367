import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Bench } from '../support/bench.ts';
import { ledgerSync, type LedgerSync } from '../support/ledger-sync.ts';
import { openNetworkBench, type LinkName } from '../support/network-bench.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const links = new Map<LinkName | 'api', TcpProxy>();
let bench: Bench;
let table: LedgerSync;
let api: LedgerSync;

beforeAll(async () => {
  bench = await openNetworkBench({
    near: async (name, target) => {
      const proxy = await startProxy(target);
      links.set(name, proxy);
      return proxy.address;
    },
  });
  table = await ledgerSync(bench, 'table mirror', { rows: 20_000 });
  api = await ledgerSync(bench, 'api post', {
    rows: 1_500,
    latencyMs: 1,
    link: async (url) => {
      const proxy = await startProxy(new URL(url).host);
      links.set('api', proxy);
      return proxy.through(url);
    },
  });
});
afterAll(async () => {
  for (const each of links.values()) each.pass();
  await bench.close();
  await api.close();
  for (const each of links.values()) await each.close();
});

test('links that are reset, answers cut in the middle, COMMITs lost before and after: exact (R2, R5, R10)', async () => {
  const pids = bench.stack.workerPids();
  await harmed(async () => {
    await Promise.all([
      link('shop').cutAfter(1 << 18),
      link('crm').loseAnswerTo(/COMMIT/),
      link('state').loseAnswerTo(/commit/),
      link('api').cutAfter(5_000),
    ]);
    for (const name of ['shop', 'crm', 'api', 'state', 'temporal'] as const) link(name).reset();
  });
  await harmed(() => Promise.all([lose('crm', /COMMIT/), lose('state', /commit/)]));
  expect(bench.stack.workerPids()).toEqual(pids);
});

test('links that fall silent or are down: Sluice says so, waits, and goes on by itself', async () => {
  const { url, client } = bench.stack;
  const pids = bench.stack.workerPids();
  await harmed(async () => {
    link('crm').stall();
    link('api').stall();
    link('state').refuse();
    const gone = await problem(`${url}/v1/runs`);
    expect(gone).toMatchObject({ status: 503, code: 'state_unavailable' });
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    await sleep(2_000);
    link('state').pass();
    link('temporal').refuse();
    const { runs } = await client.runs.list({ limit: 1 });
    expect(runs).toHaveLength(1);
    const unsteered = await problem(`${url}/v1/runs/${runs[0]?.id}/pause`, 'POST');
    expect(unsteered).toMatchObject({ status: 503, code: 'temporal_unavailable' });
    for (const each of links.values()) each.pass();
  });
  expect(bench.stack.workerPids()).toEqual(pids);
});

/** Starts a run of both syncs, does `harm` while they are under way, and asserts that their results are exact. */
async function harmed(harm: () => Promise<unknown>): Promise<void> {
  const runs = [await table.start(), await api.start()] as const;
  await harm();
  await Promise.all([table.settle(runs[0]), api.settle(runs[1])]);
  await Promise.all([table.touch(), api.touch()]);
}

async function problem(url: string, method = 'GET'): Promise<unknown> {
  const began = Date.now();
  const answer = await fetch(url, { method });
  expect(answer.headers.get('content-type')).toContain('problem+json');
  expect(Date.now() - began).toBeLessThan(25_000);
  return answer.json();
}

function lose(name: LinkName, request: RegExp): Promise<void> {
  return link(name).loseRequest(request);
}

function link(name: LinkName | 'api'): TcpProxy {
  const found = links.get(name);
  if (found === undefined) throw new Error(`no link ${name}`);
  return found;
}
