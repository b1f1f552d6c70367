import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Bench } from '../support/bench.ts';
import {
  carryOn,
  ledgerSync,
  type LedgerKind,
  type LedgerOptions,
  type LedgerSync,
} from '../support/ledger-sync.ts';
import { linkNames, openNetworkBench } from '../support/network-bench.ts';
import { chance, rounds, type Chance } from '../support/soak.ts';
import { findToxiproxy, startToxiproxy, type Toxic, type Toxiproxy } from '../support/toxiproxy.ts';

const program = await findToxiproxy();
const kinds = ['table mirror', 'api put', 'api post', 'api blind'] as const;
const links = [...linkNames, 'api'] as const;

/** The kinds of harm, whose parameters are drawn anew each time. */
const harms: Record<string, (draw: Chance) => Toxic['attributes']> = {
  latency: ({ between }) => ({ latency: between(20, 300), jitter: 50 }),
  slow_close: ({ between }) => ({ delay: between(200, 3000) }),
  reset_peer: ({ between }) => ({ timeout: between(0, 300) }),
  limit_data: ({ between }) => ({ bytes: between(100, 300_000) }),
  timeout: () => ({ timeout: 0 }),
  bandwidth: ({ between }) => ({ rate: between(50, 500) }),
};
const types = [...Object.keys(harms), 'down'];

describe.skipIf(program === null)('with Toxiproxy', () => {
  let proxy: Toxiproxy;
  let bench: Bench;
  let syncs: LedgerSync[];

  beforeAll(async () => {
    proxy = await startToxiproxy(program ?? '');
    bench = await openNetworkBench({ near: (name, target) => proxy.link(name, target) });
    syncs = [];
    for (const kind of kinds) syncs.push(await ledgerSync(bench, kind, optionsOf(kind)));
  });
  afterAll(async () => {
    await proxy.heal();
    await bench.close();
    for (const sync of syncs) await sync.close();
    proxy.stop();
  });

  test('every harm to every link while runs are under way: every destination ends exact, unaided', async () => {
    const draw = chance('network');
    const pairs = links.flatMap((link) => types.map((type) => ({ link, type, at: draw.next() })));
    pairs.sort((one, other) => one.at - other.at);
    for (let round = 0; round < rounds(pairs.length); round++) {
      const { link, type } = pairs[round % pairs.length] ?? draw.pick(pairs);
      // An activity has at most so many calls under way.
      expect(await once(link, type, draw)).toBeLessThanOrEqual(512);
    }
  });

  function optionsOf(kind: LedgerKind): LedgerOptions {
    const link = async (url: string): Promise<string> => {
      const own = new URL(url);
      own.host = await proxy.link(nameOf(kind), own.host);
      return own.href;
    };
    return { rows: kind.startsWith('table') ? 60_000 : 2_000, link };
  }

  /** Does one harm; returns the greatest number of creates whose outcome is unknown at one destination. */
  async function once(link: (typeof links)[number], type: string, draw: Chance): Promise<number> {
    const began = Date.now();
    const runs = await Promise.all(syncs.map((sync) => sync.start()));
    await sleep(draw.between(0, 1500));
    const stream = draw.pick(['upstream', 'downstream'] as const);
    for (const name of link === 'api' ? kinds.slice(1).map(nameOf) : [link]) {
      const attributes = harms[type]?.(draw);
      if (attributes === undefined) await proxy.down(name);
      else await proxy.harm(name, { type: type as Toxic['type'], stream, attributes });
    }
    await sleep(draw.between(1000, 4000));
    await proxy.heal();
    const ends = await Promise.all(syncs.map((sync, at) => sync.settle(runs[at] ?? '')));
    const told = ends.map(({ repeated, unknown }, at) => `${kinds[at]}: ${repeated}/${unknown}`);
    const seconds = Math.round((Date.now() - began) / 1000);
    console.log(`${link} ${type} ${stream}, ${seconds} s; repeated/unknown ${told.join(', ')}`);
    for (const [at, sync] of syncs.entries()) {
      const end = ends[at] ?? { unknown: 0 };
      syncs[at] = await carryOn(bench, sync, end, optionsOf(sync.kind));
    }
    return Math.max(...ends.map(({ unknown }) => unknown));
  }
});

function nameOf(kind: string): string {
  return `api ${kind}`.replaceAll(' ', '_');
}
