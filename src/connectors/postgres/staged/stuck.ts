import type { TextRow } from '../link/session.ts';

/**
 * The rows that wait for something that will not come, themselves or through others.
 * @param edges `row` waits for the row `needs`; null for something else
 */
export function stuck(edges: readonly TextRow[]): ReadonlySet<string> {
  const waiting = new Map<string | null, string[]>();
  for (const { row, needs = null } of edges) {
    const others = waiting.get(needs);
    if (others) others.push(row ?? '');
    else waiting.set(needs, [row ?? '']);
  }
  const found = new Set(waiting.get(null));
  for (const row of found) for (const other of waiting.get(row) ?? []) found.add(other);
  return found;
}
