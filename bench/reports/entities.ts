import type { EntityResults, Ingest } from '../entities.ts';
import { median } from '../support/measure.ts';
import { readResults } from '../support/results.ts';
import { seconds, table } from '../support/table.ts';
import { footer } from './footer.ts';

const whats: Record<Ingest['what'], string> = {
  first: 'all is new',
  again: 'all is read again, nothing changed',
  changed: '1 % changed',
};

/** Table of bench 6. */
export function entitySections(): Record<string, string> {
  const results = readResults<EntityResults>('entities');
  if (results === undefined) return {};
  const body = [true, false].flatMap((encrypted) =>
    Object.keys(whats).flatMap((what) => {
      const of = results.data.filter((one) => one.what === what && one.encrypted === encrypted);
      return of.length === 0 ? [] : [row(of)];
    }),
  );
  const head = [
    'values at rest',
    'ingest',
    'records read',
    'time',
    'records/s',
    'CPU: worker',
    'CPU: state database',
    'peak of the worker',
  ];
  return { entities: [table(head, body), footer(results)].join('\n\n') };
}

function row(of: EntityResults): string[] {
  const [first] = of;
  const middle = (value: (one: Ingest) => number): number => median(of.map(value));
  const cpu = (part: string): string => seconds(middle((one) => one.cpu[part] ?? 0));
  return [
    first?.encrypted === true ? 'encrypted' : 'in the clear',
    first === undefined ? '' : whats[first.what],
    middle(({ read }) => read).toLocaleString('en-US'),
    seconds(middle((one) => one.seconds)),
    Math.round(middle((one) => one.read / one.seconds)).toLocaleString('en-US'),
    cpu('worker'),
    cpu('state database'),
    `${Math.round(middle(({ peak }) => peak))} MiB`,
  ];
}
