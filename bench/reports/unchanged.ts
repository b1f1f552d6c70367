import { writePlot } from '../support/plot.ts';
import { readResults } from '../support/results.ts';
import { seconds, short, table } from '../support/table.ts';
import type { Rerun, UnchangedResults } from '../unchanged.ts';
import { footer } from './footer.ts';

const ways = {
  limit: 'psql, everything',
  full: 'Sluice, everything',
  incremental: 'Sluice, by watermark',
};

/** Table and plot of bench 4. */
export function unchangedSections(): Record<string, string> {
  const results = readResults<UnchangedResults>('unchanged');
  if (results === undefined) return {};
  const { rows, reruns } = results.data;
  const hows = Object.keys(ways) as Rerun['how'][];
  writePlot('unchanged', {
    title: `Time of a rerun, ${rows.toLocaleString('en-US')} rows`,
    x: 'changed rows, %',
    y: 'seconds',
    lines: hows.map((how) => ({
      name: ways[how],
      points: reruns
        .filter((one) => one.how === how)
        .map((one) => [one.share * 100, one.seconds] as const),
    })),
  });
  const shares = [...new Set(reruns.map(({ share }) => share))];
  const cell = (share: number, way: Rerun['how']) => {
    const one = reruns.find(({ how, share: of }) => how === way && of === share);
    if (one === undefined) return '–';
    return `${seconds(one.seconds)}, ${one.written.toLocaleString('en-US')} rows, ${short(one.wal)} MiB WAL`;
  };
  const body = shares.map((share) => [
    `${short(share * 100)} %`,
    ...hows.map((way) => cell(share, way)),
  ]);
  const times = table(['changed', ...hows.map((way) => ways[way])], body);
  const image = '![Time by changed share](unchanged.svg)';
  return { unchanged: [times, footer(results), image].join('\n\n') };
}
