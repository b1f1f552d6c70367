import type { StartResults } from '../start.ts';
import { readResults } from '../support/results.ts';
import { seconds, table } from '../support/table.ts';
import { footer } from './footer.ts';

/** Table of bench 5. */
export function startSections(): Record<string, string> {
  const results = readResults<StartResults>('start');
  if (results === undefined) return {};
  const { devWarm, devNew, runWarm, runNew, install, sizes } = results.data;
  const rows = [
    ['`sluice dev` until ready, data directory of an earlier start', '≤ 4 s', seconds(devWarm)],
    ['`sluice dev` until ready, new data directory', '', seconds(devNew)],
    ['`sluice run`, 1,000 rows, embedded, start to exit', '≤ 6 s', seconds(runWarm)],
    ['the same with a new data directory', '', seconds(runNew)],
    ['`npm ci` with npm’s cache warm, build included', '', seconds(install)],
    ['`node_modules`', '', `${sizes.all} MiB, of which ${sizes.production} MiB to run`],
  ];
  return { start: `${table(['', 'goal', 'measured'], rows)}\n\n${footer(results)}` };
}
