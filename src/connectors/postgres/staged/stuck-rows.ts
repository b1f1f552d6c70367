import type { TextRow } from '../link/session.ts';

/**
 * Returns the rows that wait, themselves or through others, for something that will not come.
 * @param edges `row` waits for the row `needs`; null means something that is not among the rows
 */
export function stuckRows(edges: readonly TextRow[]): ReadonlySet<string> {
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
