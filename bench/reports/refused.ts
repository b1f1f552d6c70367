import type { Refused, RefusedResults } from '../refused.ts';
import { median } from '../support/measure.ts';
import { readResults } from '../support/results.ts';
import { seconds, table } from '../support/table.ts';
import { footer } from './footer.ts';

const goals = new Map([
  [0.001, '≤ 2 ×'],
  [0.05, '≤ 4 ×'],
]);

/** Returns the report's sections about the cost of refused rows, compared with a load without any. */
export function refusedSections(): Record<string, string> {
  const results = readResults<RefusedResults>('refused');
  if (results === undefined) return {};
  const { rows, loads } = results.data;
  const clean = new Map(
    loads.filter((load) => load.refused === 0).map((load) => [load.round, load]),
  );
  const ratio = (some: readonly Refused[], of: 'seconds' | 'cpu') =>
    `**${median(some.map((load) => load[of] / (clean.get(load.round)?.[of] ?? Number.NaN))).toFixed(2)} ×**`;
  const lines = [...new Set(loads.map(({ refused }) => refused))].map((refused) => {
    const some = loads.filter((load) => load.refused === refused);
    const value = (of: 'seconds' | 'cpu') => seconds(median(some.map((load) => load[of])));
    const beside = (of: 'seconds' | 'cpu') =>
      refused === 0 ? value(of) : `${value(of)}, ${ratio(some, of)}`;
    const share = `${refused.toLocaleString('en-US')} (${(100 * refused) / rows} %)`;
    return [share, goals.get(refused / rows) ?? '', beside('seconds'), beside('cpu')];
  });
  const of = rows.toLocaleString('en-US');
  const header = [`refused of ${of}`, 'goal', 'time', 'CPU time'];
  return { refused: `${table(header, lines)}\n\n${footer(results)}` };
}
