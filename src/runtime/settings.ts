import { homedir } from 'node:os';
import { join } from 'node:path';
import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig';
import { ConfigError } from '../model/failure.ts';
import { parseEncryptionKeys, type EncryptionKeys } from './encryption-key.ts';

/** The settings for reaching Temporal. Without an address the embedded server is used. */
export interface TemporalSettings {
  /** `host:port`; absent: embedded. */
  readonly address?: string;
  /** The namespace. Default `default`. */
  readonly namespace: string;
  readonly apiKey?: string;
  /** True or details when the connection is encrypted. An API key alone turns encryption on. */
  readonly tls?: NonNullable<ClientConnectConfig['connectionOptions']['tls']>;
  /** Extra gRPC headers. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The settings from the environment. Nothing else in Sluice reads the environment. */
export interface Settings {
  /** The state database (`SLUICE_DATABASE_URL`); absent: embedded Postgres. */
  readonly databaseUrl?: string;
  readonly temporal: TemporalSettings;
  /** The token that the API asks for (`SLUICE_API_TOKEN`). */
  readonly apiToken?: string;
  /** `SLUICE_ENCRYPTION_KEY`; absent: the data directory's own keys. */
  readonly encryptionKeys?: EncryptionKeys;
  /** The server that the command line talks to (`SLUICE_URL`). */
  readonly url?: string;
  /** The path of a Temporal CLI to use (`SLUICE_TEMPORAL_CLI`). */
  readonly temporalCli?: string;
  /** The project's folder, from below which a server or a worker may load connectors (`SLUICE_CONNECTOR_ROOT`). */
  readonly connectorRoot?: string;
  /** A folder through which tests plan faults (`SLUICE_TEST_FAULTS`); never set it otherwise. */
  readonly testFaults?: string;
  /** The folders that are searched for programs (`PATH`). */
  readonly searchPath: string;
  /** The user's cache for downloads: `$XDG_CACHE_HOME/sluice` or `~/.cache/sluice`. */
  readonly cacheDir: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings from the environment; an empty variable counts as unset.
 * @throws ConfigError `bad_encryption_key`, `bad_temporal_settings`
 */
export function readSettings(env: Environment = process.env): Settings {
  const key = env['SLUICE_ENCRYPTION_KEY'];
  return {
    ...text('databaseUrl', env['SLUICE_DATABASE_URL']),
    temporal: readTemporal(env),
    ...text('apiToken', env['SLUICE_API_TOKEN']),
    ...(key ? { encryptionKeys: parseEncryptionKeys(key, 'SLUICE_ENCRYPTION_KEY') } : {}),
    ...text('url', env['SLUICE_URL']),
    ...text('temporalCli', env['SLUICE_TEMPORAL_CLI']),
    ...text('connectorRoot', env['SLUICE_CONNECTOR_ROOT']),
    ...text('testFaults', env['SLUICE_TEST_FAULTS']),
    searchPath: env['PATH'] ?? '',
    cacheDir: join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'sluice'),
  };
}

/** Returns this process's environment with `extra` on top, for a child process. */
export function childEnvironment(extra: Environment = {}): Environment {
  return { ...process.env, ...extra };
}

/**
 * Reads Temporal's own variables as its tools do. Its configuration file counts only when a variable asks for it: a
 * profile that happens to name a production cluster must not capture `sluice dev`.
 */
function readTemporal(env: Environment): TemporalSettings {
  const { connectionOptions, namespace } = loadTemporal(env);
  const { address, apiKey, tls, metadata } = connectionOptions;
  return {
    ...text('address', address),
    namespace: namespace || 'default',
    ...(typeof apiKey === 'string' ? text('apiKey', apiKey) : {}),
    ...(tls ? { tls } : {}),
    ...(metadata && Object.keys(metadata).length > 0 ? { metadata: textOnly(metadata) } : {}),
  };
}

function loadTemporal(env: Environment): ClientConnectConfig {
  try {
    return loadClientConnectConfig({
      overrideEnvVars: textOnly(env),
      disableFile: !env['TEMPORAL_CONFIG_FILE'] && !env['TEMPORAL_PROFILE'],
    });
  } catch (cause) {
    throw new ConfigError(
      'bad_temporal_settings',
      `The TEMPORAL_* variables cannot be used: ${(cause as Error).message}`,
      { cause },
    );
  }
}

function textOnly(values: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1] !== '',
    ),
  );
}

/** Returns one property, or none when the value is unset or empty. */
function text<K extends string>(name: K, value: string | undefined): Partial<Record<K, string>> {
  return value ? ({ [name]: value } as Record<K, string>) : {};
}
