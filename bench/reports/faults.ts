import type { Faults } from '../faults.ts';
import { readResults } from '../support/results.ts';
import { seconds, table } from '../support/table.ts';
import { footer } from './footer.ts';

/** Returns the report's sections about each tool's behaviour when something goes wrong. */
export function faultSections(): Record<string, string> {
  const results = readResults<readonly Faults[]>('faults');
  if (results === undefined) return {};
  const rows = results.data.map(({ title, applied, removed, killed }) => [
    title,
    `${applied} of 1,000`,
    `${killed.there.toLocaleString('en-US')} of ${killed.rows.toLocaleString('en-US')}`,
    `${seconds(killed.again)} (undisturbed ${seconds(killed.whole)})`,
    `${removed} of 10`,
  ]);
  const header = [
    '',
    'one bad row in 1,000: applied',
    '`kill -9` at half time: rows there when it ended or was run again',
    'time to the end',
    'deletes that reach the destination',
  ];
  return { faults: `${table(header, rows)}\n\n${footer(results)}` };
}
