import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedTemporal } from '../../src/runtime/embedded/temporal.ts';
import type { Bench } from './bench.ts';
import { createDatabase } from './database.ts';
import { startStack, type StackOptions } from './stack.ts';

/** Every system that a stack talks to, by the name of its link. */
export const linkNames = ['shop', 'crm', 'state', 'temporal'] as const;
export type LinkName = (typeof linkNames)[number];

/** Makes a link between a stack and one of its systems; returns the link's near end. */
export type Near = (name: LinkName, target: string) => Promise<string>;

/** Options of a bench with links. */
export interface NetworkOptions extends StackOptions {
  /** Makes a link to `target` (`host:port`) and returns its near end. */
  readonly near: Near;
  /** The dynamic configuration of the Temporal server. */
  readonly dynamicConfig?: Readonly<Record<string, number>>;
  /** The time-outs of the Postgres connections. Default 2s and 5s. */
  readonly limits?: { readonly timeout: string; readonly statementTimeout: string };
}

/**
 * Opens a bench whose stack reaches its databases and Temporal through links. The test itself uses `shop`, `crm` and
 * the state database directly.
 */
export async function openNetworkBench({
  near,
  dynamicConfig = {},
  limits = { timeout: '2s', statementTimeout: '5s' },
  ...options
}: NetworkOptions): Promise<Bench> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-temporal-'));
  const cli = process.env['SLUICE_TEMPORAL_CLI'] ?? 'temporal';
  const [temporal, state, shop, crm] = await Promise.all([
    startEmbeddedTemporal({ cli, dir, headless: true, dynamicConfig, log: () => undefined }),
    createDatabase('state'),
    createDatabase('shop'),
    createDatabase('crm'),
  ]);
  const through = async (name: LinkName, url: string): Promise<string> => {
    const own = new URL(url);
    own.host = await near(name, own.host);
    return own.href;
  };
  const stack = await startStack(undefined, {
    ...options,
    env: {
      ...options.env,
      SLUICE_DATABASE_URL: await through('state', state.url),
      TEMPORAL_ADDRESS: await near('temporal', temporal.address),
    },
  });
  const { connections } = stack.client;
  for (const [name, { url }] of Object.entries({ shop, crm } as const))
    await connections.put(name, {
      type: 'postgres',
      url: await through(name as LinkName, url),
      ...limits,
    });
  return {
    stack: { ...stack, databaseUrl: state.url, temporal: temporal.address },
    shop,
    crm,
    close: async () => {
      await stack.stop();
      await temporal.stop();
      rmSync(dir, { recursive: true, force: true });
      await Promise.all([state, shop, crm].map((each) => each.drop()));
    },
  };
}
