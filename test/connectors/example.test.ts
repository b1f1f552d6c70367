import type { JsonObject } from 'sluice';
import { connectDirectly, connectorSuite, suiteTarget, type Harness } from 'sluice/testing';
import connector from '../../examples/connector/connector.ts';
import { startGuestSystem, type Guest } from '../../examples/connector/system.ts';

connectorSuite('of the guide', { source: true, destination: 'records' }, harness);

async function harness(): Promise<Harness> {
  const system = await startGuestSystem('secret', Number.POSITIVE_INFINITY);
  const settings = connector.settings.parse({ url: system.url, token: 'secret' });
  return {
    connect: () => connectDirectly(connector, settings, { connection: 'guests' }),
    async seed(records) {
      for (const record of records as readonly Guest[])
        system.guests.set(record['code'] ?? '', record);
    },
    readBack: async () => [...system.guests.values()] as JsonObject[],
    sourceRequest: () => ({ stream: 'guests', key: ['code'], options: {} }),
    target: (options) => suiteTarget('guests', options),
    wrongStream: { stream: 'guest', nearest: 'guests' },
    refused: { name: 'much too long a name for a guest: '.repeat(2), note: 'n' },
    close: () => system.close(),
  };
}
