import type { JsonObject } from 'sluice';
import { connectorSuite, suiteTarget, type Harness } from 'sluice/testing';
import connector from '../../examples/connector/connector.ts';
import { startGuestSystem, type Guest } from '../../examples/connector/system.ts';

const token = 'Zq7-guest-book';
const wrong = 'Xk3-stranger';

connectorSuite('of the guide', { source: true, destination: 'records' }, harness);

async function harness(): Promise<Harness> {
  const system = await startGuestSystem(token, Number.POSITIVE_INFINITY);
  const settings = { url: system.url, token };
  return {
    connector,
    settings,
    // The streams are written down in the connector: nobody has to be asked.
    local: ['discover', 'open source', 'open destination'],
    secrets: [token, wrong],
    broken: {
      'a wrong token': { ...settings, token: wrong },
      'nobody listens': { ...settings, url: 'http://127.0.0.1:9' },
    },
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
