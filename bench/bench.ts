import { parseArgs } from 'node:util';
import type { BenchOptions } from './support/options.ts';
import { writeReport } from './report.ts';

type Bench = (options: BenchOptions) => Promise<void>;

const benches: Record<string, () => Promise<Bench>> = {
  postgres: async () => (await import('./postgres.ts')).benchPostgres,
  refused: async () => (await import('./refused.ts')).benchRefused,
  faults: async () => (await import('./faults.ts')).benchFaults,
  api: async () => (await import('./api.ts')).benchApi,
  cost: async () => (await import('./cost.ts')).benchCost,
  unchanged: async () => (await import('./unchanged.ts')).benchUnchanged,
  entities: async () => (await import('./entities.ts')).benchEntities,
  start: async () => (await import('./start.ts')).benchStart,
  report: async () => async () => undefined,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    peers: { type: 'boolean', default: false },
    only: { type: 'string' },
    add: { type: 'boolean', default: false },
  },
});
const name = positionals[0] ?? '';
const load = benches[name];
if (load === undefined) {
  console.error(`Name a bench: ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}
// Exit hooks end what was started.
process.on('SIGTERM', () => process.exit(143)).on('SIGINT', () => process.exit(130));
const bench = await load();
await bench({
  ...(values.rows !== undefined && { rows: Number(values.rows) }),
  rounds: Number(values.rounds),
  peers: values.peers,
  ...(values.only !== undefined && { only: values.only.split(',') }),
  add: values.add,
});
writeReport();
