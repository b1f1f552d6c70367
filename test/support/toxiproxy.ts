import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../src/runtime/embedded/port.ts';
import { readSettings } from '../../src/runtime/settings.ts';

const source = 'github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0';

/** A harm that Toxiproxy does to the bytes of one direction. */
export interface Toxic {
  readonly type: 'latency' | 'slow_close' | 'reset_peer' | 'limit_data' | 'timeout' | 'bandwidth';
  /** The direction: to the system, or from it. */
  readonly stream: 'upstream' | 'downstream';
  /** The parameters in milliseconds, bytes or kB/s, named as Toxiproxy does. */
  readonly attributes: Readonly<Record<string, number>>;
}

/** A running Toxiproxy. */
export interface Toxiproxy {
  /** Makes a link to `target` (`host:port`), in place of an earlier one of that name; returns its near end. */
  link(name: string, target: string): Promise<string>;
  /** Harms a link until `heal`. */
  harm(name: string, toxic: Toxic): Promise<void>;
  /** Closes a link's connections and takes no new ones until `heal`. */
  down(name: string): Promise<void>;
  /** Undoes all harm. */
  heal(): Promise<void>;
  stop(): void;
}

/**
 * Finds Toxiproxy's server on PATH, or builds it with Go into the cache. Returns null and prints the reason when there
 * is none.
 */
export async function findToxiproxy(): Promise<string | null> {
  const { searchPath, cacheDir } = readSettings();
  const folders = [...searchPath.split(delimiter), '/usr/local/go/bin'];
  const found = (name: string): string | undefined =>
    folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
  const installed = found('toxiproxy-server');
  if (installed !== undefined) return installed;
  const folder = join(cacheDir, 'toxiproxy');
  const built = join(folder, 'server');
  if (existsSync(built)) return built;
  const go = found('go');
  try {
    if (go === undefined) throw new Error('there is neither toxiproxy-server nor go on PATH');
    const env = { ...process.env, GOBIN: folder };
    await promisify(execFile)(go, ['install', source], { env, timeout: 300_000 });
    return built;
  } catch (error) {
    console.warn(`SKIPPED: no Toxiproxy (${(error as Error).message})`);
    return null;
  }
}

/** Starts a Toxiproxy. @param program see {@link findToxiproxy} */
export async function startToxiproxy(program: string): Promise<Toxiproxy> {
  const port = await freePort();
  const child = spawn(program, ['-host', '127.0.0.1', '-port', String(port)], { stdio: 'ignore' });
  const call = async (path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? null : answer.json();
  };
  for (let tries = 0; ; tries++) {
    const answers = await call('/proxies').then(
      () => true,
      () => false,
    );
    if (answers) break;
    if (tries > 100) throw new Error('Toxiproxy did not start');
    await sleep(50);
  }
  return {
    async link(name, upstream) {
      const proxy = { name, listen: '127.0.0.1:0', upstream, enabled: true };
      const { proxies } = (await call('/populate', [proxy])) as { proxies: { listen: string }[] };
      return proxies[0]?.listen ?? '';
    },
    harm: async (name, toxic) => void (await call(`/proxies/${name}/toxics`, toxic)),
    down: async (name) => void (await call(`/proxies/${name}`, { enabled: false })),
    heal: async () => void (await call('/reset', {})),
    stop: () => child.kill(),
  };
}
