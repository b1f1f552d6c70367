import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '@hono/node-server';
import proto from '@temporalio/proto';
import { createApp } from '../api/app.ts';
import type { Services } from '../api/services.ts';
import type { Connectors } from '../connectors/registry.ts';
import { ConfigError } from '../model/failure.ts';
import { taskQueue } from '../model/workflow.ts';
import { logBug } from './log.ts';
import { classifyOutages } from './outage.ts';
import { Schedules } from './schedules.ts';
import { Connections } from './services/connections.ts';
import { DeclaredEntities } from './services/entities.ts';
import { SteeredRuns } from './services/runs.ts';
import { Syncs } from './services/syncs.ts';
import type { State } from './state.ts';
import type { TemporalClient } from './temporal.ts';
import { version } from './version.ts';

/** Creates the services that the API serves. */
export function createServices(
  state: State,
  client: TemporalClient,
  connectors: Connectors,
): Services {
  const { store } = state;
  const withOutages = <T extends object>(service: T): T => classifyOutages(service, client.client);
  const schedules = new Schedules(client.client, client.searchable);
  return {
    syncs: withOutages(new Syncs(store, schedules, connectors)),
    connections: withOutages(new Connections(store, connectors)),
    runs: withOutages(new SteeredRuns(store, client)),
    entities: withOutages(new DeclaredEntities(store, client, schedules, connectors)),
    async ready() {
      const [database, pollers] = await Promise.all([
        inTime(state.answers(), false),
        inTime(countPollers(client), null),
      ]);
      return { database, temporal: pollers !== null, worker: (pollers ?? 0) > 0 };
    },
  };
}

/** The time that a part has to prove that it is there. Milliseconds. */
const readyMs = 3_000;

/** Returns the result of `work`, or `late` when it takes too long. */
function inTime<T>(work: Promise<T>, late: T): Promise<T> {
  const limit = new AbortController();
  const tooLate = sleep(readyMs, late, { signal: limit.signal, ref: false });
  return Promise.race([work, tooLate]).finally(() => limit.abort());
}

async function countPollers({ client }: TemporalClient): Promise<number | null> {
  try {
    const { pollers } = await client.connection.workflowService.describeTaskQueue({
      namespace: client.options.namespace,
      taskQueue: { name: taskQueue },
      taskQueueType: proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    });
    return pollers?.length ?? 0;
  } catch {
    return null;
  }
}

/** A listening API. */
export interface ListeningServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves the API.
 * @throws ConfigError `port_in_use`; `token_required` when others can reach the address and there is no token
 */
export async function listen(
  services: Services,
  { host, port, token }: { host: string; port: number; token?: string | undefined },
): Promise<ListeningServer> {
  const loopback = ['127.0.0.1', 'localhost', '::1'].includes(host);
  if (!loopback && token === undefined) {
    throw new ConfigError(
      'token_required',
      `listening on ${host} needs SLUICE_API_TOKEN: others can reach it`,
    );
  }
  const docsDir = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const app = createApp(services, {
    loopback,
    docsDir,
    version,
    report: logBug,
    ...(token !== undefined && { token }),
  });
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: host, port }, (info: AddressInfo) => {
      const name = info.family === 'IPv6' ? `[${info.address}]` : info.address;
      resolve({
        url: `http://${name}:${info.port}`,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            if ('closeAllConnections' in server) server.closeAllConnections();
          }),
      });
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      const used = `port ${port} on ${host} is in use; choose another with --port`;
      reject(error.code === 'EADDRINUSE' ? new ConfigError('port_in_use', used) : error);
    });
  });
}
