import { findTemporalCli } from './embedded/temporal-cli.ts';
import { startEmbeddedPostgres } from './embedded/postgres.ts';
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

/** Starts whatever the settings do not name. */
export async function startBackends(
  settings: Settings,
  options: EmbeddedOptions,
): Promise<Backends> {
  const log = (line: string): void => logger.info(line);
  const { address } = settings.temporal;
  const parts = await Promise.allSettled([
    settings.databaseUrl === undefined
      ? startEmbeddedPostgres({ dir: options.dataDir, log })
      : undefined,
    address === undefined ? startTemporal(settings, options, log) : undefined,
  ]);
  const [database, temporal] = parts;
  const stop = async (): Promise<void> => {
    await Promise.all(
      parts.map((part) => (part.status === 'fulfilled' ? part.value?.stop() : undefined)),
    );
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

async function startTemporal(
  settings: Settings,
  { dataDir, temporalPort, headless }: EmbeddedOptions,
  log: (line: string) => void,
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
