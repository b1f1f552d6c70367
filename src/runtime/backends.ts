import { findTemporalCli } from './embedded/temporal-cli.ts';
import { keepRunning, type KeptRunning } from './embedded/keep-running.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded/postgres.ts';
import { startEmbeddedTemporal, type EmbeddedTemporal } from './embedded/temporal.ts';
import { logger } from './log.ts';
import type { Settings } from './settings.ts';
import type { TemporalAddress } from './temporal.ts';

/** The database and the Temporal server that this process uses, embedded or the user's. */
export interface Backends {
  readonly databaseUrl: string;
  readonly temporal: TemporalAddress;
  readonly uiUrl?: string;
  /** Rejects when an embedded server has ended too often; never settles otherwise. */
  readonly givenUp: Promise<never>;
  /** Stops the servers that were started here. */
  stop(): Promise<void>;
}

/** Settings of the embedded servers. */
interface EmbeddedOptions {
  readonly dataDir: string;
  /** The port of the Temporal server; 0: any free one. */
  readonly temporalPort: number;
  readonly headless: boolean;
}

/** Logs the servers' own output, which matters only when something is wrong with them. */
const log = (line: string): void => logger.debug(line);
const warn = (line: string): void => logger.warn(line);

/** Starts the embedded servers for whatever the settings do not name. */
export async function startBackends(
  settings: Settings,
  options: EmbeddedOptions,
): Promise<Backends> {
  const { address } = settings.temporal;
  const parts = await Promise.allSettled([
    startDatabase(settings, options),
    address === undefined ? startTemporal(settings, options) : Promise.resolve(undefined),
  ]);
  const [database, temporal] = parts;
  const stop = async (): Promise<void> => {
    for (const part of parts) if (part.status === 'fulfilled') await part.value?.stop();
  };
  if (database.status === 'rejected' || temporal.status === 'rejected') {
    await stop();
    throw database.status === 'rejected'
      ? database.reason
      : (temporal as PromiseRejectedResult).reason;
  }
  const databaseUrl = settings.databaseUrl ?? database.value?.first.url;
  const temporalAddress = address ?? temporal.value?.first.address;
  if (databaseUrl === undefined || temporalAddress === undefined)
    throw new Error('unreachable: both are started');
  return {
    databaseUrl,
    temporal: { ...settings.temporal, address: temporalAddress },
    ...(temporal.value?.first.uiUrl !== undefined && { uiUrl: temporal.value.first.uiUrl }),
    givenUp: firstGivenUp([database.value?.givenUp, temporal.value?.givenUp]),
    stop,
  };
}

/** Returns a promise that settles like the first of the parts to settle, and never when there are none. */
function firstGivenUp(parts: readonly (Promise<never> | undefined)[]): Promise<never> {
  const all = parts.filter((part) => part !== undefined);
  const first = all.length === 0 ? new Promise<never>(() => {}) : Promise.race(all);
  first.catch(() => undefined);
  return first;
}

async function startDatabase(
  { databaseUrl }: Settings,
  { dataDir }: EmbeddedOptions,
): Promise<KeptRunning<EmbeddedPostgres> | undefined> {
  if (databaseUrl !== undefined) return undefined;
  return keepRunning({
    name: 'The embedded Postgres',
    log: warn,
    start: (before?: EmbeddedPostgres) =>
      startEmbeddedPostgres({
        dir: dataDir,
        log,
        ...(before && { port: Number(new URL(before.url).port) }),
      }),
  });
}

async function startTemporal(
  settings: Settings,
  { dataDir, temporalPort, headless }: EmbeddedOptions,
): Promise<KeptRunning<EmbeddedTemporal>> {
  const { searchPath, cacheDir, temporalCli, temporal } = settings;
  const cli = await findTemporalCli({
    searchPath,
    cacheDir,
    dataDir,
    log,
    ...(temporalCli !== undefined && { explicit: temporalCli }),
  });
  return keepRunning({
    name: 'The embedded Temporal server',
    log: warn,
    start: (before?: EmbeddedTemporal) =>
      startEmbeddedTemporal({
        cli,
        dir: dataDir,
        headless,
        namespace: temporal.namespace,
        log,
        ...(before ? portsOf(before) : temporalPort !== 0 && { port: temporalPort }),
      }),
  });
}

/** Returns the ports of an earlier start, which others know. */
function portsOf({ address, uiUrl }: EmbeddedTemporal): { port: number; uiPort?: number } {
  return {
    port: Number(address.slice(address.lastIndexOf(':') + 1)),
    ...(uiUrl !== undefined && { uiPort: Number(new URL(uiUrl).port) }),
  };
}
