import { findTemporalCli } from './embedded/temporal-cli.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded/postgres.ts';
import { startEmbeddedTemporal } from './embedded/temporal.ts';
import { logger } from './log.ts';
import type { Settings } from './settings.ts';
import type { TemporalAddress } from './temporal.ts';

/** The database and the Temporal server that this process uses, embedded or the user's. */
export interface Backends {
  readonly databaseUrl: string;
  readonly temporal: TemporalAddress;
  readonly uiUrl?: string;
  /** Stops what was started here. */
  stop(): Promise<void>;
}

/** How the embedded parts are started. */
interface EmbeddedOptions {
  readonly dataDir: string;
  /** 0: any free one. */
  readonly temporalPort: number;
  readonly headless: boolean;
}

/** The servers' own words: of use only when something is wrong with them. */
const log = (line: string): void => logger.debug(line);

/** Starts whatever the settings do not name. */
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
  const databaseUrl = settings.databaseUrl ?? database.value?.url;
  const temporalAddress = address ?? temporal.value?.address;
  if (databaseUrl === undefined || temporalAddress === undefined)
    throw new Error('unreachable: both are started');
  return {
    databaseUrl,
    temporal: { ...settings.temporal, address: temporalAddress },
    ...(temporal.value?.uiUrl !== undefined && { uiUrl: temporal.value.uiUrl }),
    stop,
  };
}

async function startDatabase(
  { databaseUrl }: Settings,
  { dataDir }: EmbeddedOptions,
): Promise<EmbeddedPostgres | undefined> {
  return databaseUrl === undefined ? startEmbeddedPostgres({ dir: dataDir, log }) : undefined;
}

async function startTemporal(
  settings: Settings,
  { dataDir, temporalPort, headless }: EmbeddedOptions,
): ReturnType<typeof startEmbeddedTemporal> {
  const { searchPath, cacheDir, temporalCli, temporal } = settings;
  const cli = await findTemporalCli({
    searchPath,
    cacheDir,
    dataDir,
    log,
    ...(temporalCli !== undefined && { explicit: temporalCli }),
  });
  return startEmbeddedTemporal({
    cli,
    dir: dataDir,
    headless,
    namespace: temporal.namespace,
    log,
    ...(temporalPort !== 0 && { port: temporalPort }),
  });
}
