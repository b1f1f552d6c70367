import type { Project } from '../project/project.ts';
import type { Client } from './client.ts';
import { UsageError } from './exit.ts';
import type { GlobalOptions } from './options.ts';
import { readProject } from './project-file.ts';

/** A server to talk to, and the way to disconnect from it. */
export interface ServerConnection {
  /** The url at which the server listens. */
  readonly url: string;
  readonly client: Client;
  /** Rejects when an embedded server has ended for good. */
  readonly givenUp?: Promise<never>;
  stop(): Promise<void>;
}

/** Connects to the server at `SLUICE_URL`; undefined when none is named. */
export async function connectToServer(): Promise<ServerConnection | undefined> {
  const { readSettings } = await import('../runtime/settings.ts');
  const { url, apiToken } = readSettings(process.env);
  if (url === undefined) return undefined;
  return { url, client: await openClient(url, apiToken), stop: async () => {} };
}

/**
 * Connects to the server at `SLUICE_URL`.
 * @throws UsageError when none is named
 */
export async function requireServer(): Promise<ServerConnection> {
  const connected = await connectToServer();
  if (connected) return connected;
  throw new UsageError(
    'set SLUICE_URL to the address of a Sluice server, such as http://127.0.0.1:4400',
  );
}

/** Connects to the server at `SLUICE_URL`, else starts an embedded one with the project for this command. */
export async function connectOrEmbed(
  options: GlobalOptions,
  project?: Project,
): Promise<ServerConnection> {
  const connected = await connectToServer();
  if (connected) return connected;
  const { startCommandServer } = await import('../runtime/index.ts');
  const known = project ?? (await readProject(options));
  const server = await startCommandServer({ project: known, dataDir: options.dataDir });
  try {
    const client = await openClient(server.url, server.token);
    const { url, givenUp } = server;
    return { url, client, givenUp, stop: () => server.stop() };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Does a command's work with the server of {@link connectOrEmbed}, and disconnects from it. */
export async function withServer(
  options: GlobalOptions,
  work: (client: Client) => Promise<void>,
): Promise<void> {
  const connected = await connectOrEmbed(options);
  try {
    await work(connected.client);
  } finally {
    await connected.stop();
  }
}

async function openClient(url: string, token: string | undefined): Promise<Client> {
  const { createClient } = await import('./client.ts');
  return createClient(url, token);
}
