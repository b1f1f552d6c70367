import { scenarios, type Measured, type Scenario } from '../contenders/contender.ts';
import type { PostgresResults } from '../postgres.ts';
import { median } from '../support/measure.ts';
import { readResults } from '../support/results.ts';
import { seconds, short, table } from '../support/table.ts';
import { footer } from './footer.ts';

type Rounds = PostgresResults['rounds'];

const goals: Record<Scenario, string> = {
  S1: '≤ 1.15 ×',
  S2: '≤ 1.0 ×',
  S2i: '≤ 1 s',
  S3: '≤ limit + 1.5 s',
  S4: '≤ 1.5 ×',
  S5: '≤ 2.5 × S1’s limit',
};

/** Tables of bench 1. */
export function postgresSections(): Record<string, string> {
  const results = readResults<PostgresResults>('postgres');
  if (results === undefined) return {};
  const { titles, rounds } = results.data;
  const sizes = [...new Set(rounds.map(({ rows }) => rows))].toSorted((a, b) => b - a);
  const times = sizes.map((rows) => timesOf(rows, ofSize(rounds, rows), titles));
  const largest = ofSize(rounds, sizes[0] ?? 0);
  return {
    'postgres times': `${times.join('\n\n')}\n\n${footer(results)}`,
    'postgres cpu': cpuOf(largest, titles),
    'postgres parts': partsOf(largest),
  };
}

function ofSize(rounds: Rounds, rows: number): Rounds {
  return rounds.filter((round) => round.rows === rows);
}

function timesOf(rows: number, rounds: Rounds, titles: Record<string, string>): string {
  const there = Object.keys(titles).filter((name) => taken(rounds, 'S1', name).length > 0);
  const body = scenarios
    .filter((scenario) => there.some((name) => taken(rounds, scenario, name).length > 0))
    .map((scenario) => [
      scenario,
      goals[scenario],
      ...there.map((name) => cell(rounds, scenario, name)),
    ]);
  const most = Math.max(...there.map((name) => taken(rounds, 'S1', name).length));
  const title = `${rows.toLocaleString('en-US')} rows, medians of up to ${most} rounds:`;
  return `${title}\n\n${table(['', 'goal', ...there.map((name) => titles[name] ?? name)], body)}`;
}

/** Seconds and, beside it, how that compares to the limit of the same round. */
function cell(rounds: Rounds, scenario: Scenario, name: string): string {
  const all = taken(rounds, scenario, name);
  if (all.length === 0) return '–';
  const time = seconds(median(all.map((one) => one.seconds)));
  if (name === 'limit') return time;
  const base = scenario === 'S5' ? 'S1' : scenario;
  const pairs = rounds.flatMap(({ results }) => {
    const [own, limit] = [results[scenario]?.[name], results[base]?.['limit']];
    return own && limit ? [[own.seconds, limit.seconds] as const] : [];
  });
  if (scenario === 'S2i' || scenario === 'S3')
    return `${time} (+ ${seconds(median(pairs.map(([own, limit]) => own - limit)))})`;
  const ratios = pairs.map(([own, limit]) => own / limit);
  const range = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
  return `${time}, **${median(ratios).toFixed(2)} ×**${ratios.length > 1 ? ` (${range})` : ''}`;
}

function taken(rounds: Rounds, scenario: Scenario, name: string): Measured[] {
  return rounds.flatMap(({ results }) => results[scenario]?.[name] ?? []);
}

/** CPU seconds of all parts together: less a matter of what else the machine does than time. */
function cpuOf(rounds: Rounds, titles: Record<string, string>): string {
  const there = Object.keys(titles).filter((name) => taken(rounds, 'S1', name).length > 0);
  const rows = scenarios.map((scenario) => [
    scenario,
    ...there.map((name) => short(median(taken(rounds, scenario, name).map(cpuSum)))),
  ]);
  return table(['CPU seconds', ...there.map((name) => titles[name] ?? name)], rows);
}

function cpuSum({ cpu }: Measured): number {
  return Object.values(cpu ?? {}).reduce((all, one) => all + one, 0);
}

/** Returns the table of the parts of Sluice's time. */
function partsOf(rounds: Rounds): string {
  const runs = scenarios.map((scenario) => [scenario, taken(rounds, scenario, 'sluice')] as const);
  const names = (kind: 'timeline' | 'cpu') => [
    ...new Set(runs.flatMap(([, all]) => all.flatMap((one) => Object.keys(one[kind] ?? {})))),
  ];
  const row = (title: string, of: (one: Measured) => number | undefined) => [
    title,
    ...runs.map(([, all]) => {
      const found = all.map(of).filter((value) => value !== undefined);
      return found.length === 0 ? '–' : short(median(found));
    }),
  ];
  const times = [
    row('`sluice run`, start to exit', (one) => one.seconds),
    ...names('timeline').map((name) =>
      row(name === name.toLowerCase() ? name : `\`${name}\``, (one) => one.timeline?.[name]),
    ),
  ];
  const cpu = names('cpu').map((name) => row(`CPU: ${name}`, (one) => one.cpu?.[name]));
  const peak = row('worker’s peak memory, MiB', (one) => one.peak);
  return table(['seconds', ...scenarios], [...times, ...cpu, peak]);
}
