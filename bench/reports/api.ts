import type { ApiResults, QuotaUse } from '../api.ts';
import { readResults } from '../support/results.ts';
import { table } from '../support/table.ts';
import { footer } from './footer.ts';

/** Table of bench 2. */
export function apiSections(): Record<string, string> {
  const results = readResults<ApiResults>('api');
  if (results === undefined) return {};
  const uses = results.data;
  const latencies = [...new Set(uses.map(({ latencyMs }) => latencyMs))];
  const groups = new Map<string, QuotaUse[]>();
  for (const use of uses) {
    const { how, by, requests, workers } = use;
    const plural = workers === 1 ? 'worker' : 'workers, as many syncs';
    const name = `${by}: ${how}, ${requests.toLocaleString('en-US')} requests/s, ${workers} ${plural}`;
    groups.set(name, [...(groups.get(name) ?? []), use]);
  }
  const rows = [...groups].map(([name, group]) => [
    name,
    ...latencies.map((latency) => cell(group.find(({ latencyMs }) => latencyMs === latency))),
  ]);
  const header = ['share of the quota used, share of 429s', ...latencies.map((ms) => `${ms} ms`)];
  return { api: `${table(header, rows)}\n\n${footer(results)}` };
}

function cell(use: QuotaUse | undefined): string {
  if (use === undefined) return '–';
  return `${use.used.toFixed(3)}, ${(use.limited * 100).toFixed(1)} %`;
}
