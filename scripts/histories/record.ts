// Records histories of real runs for the replay test: npx tsx scripts/histories/record.ts
import { openBench } from '../../test/support/bench.ts';
import { planFaults } from '../../test/support/faults.ts';
import { setup } from '../../test/support/global-setup.ts';
import { openNetworkBench } from '../../test/support/network-bench.ts';
import { apiPaths } from './api-paths.ts';
import { crashPaths } from './crash-paths.ts';
import { entityPaths } from './entity-paths.ts';
import { longPaths } from './long-paths.ts';
import { steeredPaths } from './steered-paths.ts';
import { tablePaths } from './table-paths.ts';

const teardown = await setup();
const faults = planFaults();
try {
  const bench = await openBench({ workers: 2, env: faults.env });
  try {
    for (const paths of [tablePaths, steeredPaths, apiPaths]) await paths(bench);
    await crashPaths(bench, faults);
  } finally {
    await bench.close();
  }
  const long = await openNetworkBench({
    near: async (_, target) => target,
    dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': 40 },
  });
  try {
    await longPaths(long);
  } finally {
    await long.close();
  }
  await entityPaths();
} finally {
  faults.close();
  await teardown();
}
