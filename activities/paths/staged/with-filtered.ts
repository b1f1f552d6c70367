import { addStats, noStats, type Stats } from '../../../src/model/outcome.ts';

/** What a staging destination applied is what the filter let through: the two shares add up to what was imported (R10). */
export function withFiltered(applied: Stats, staged: Stats): Stats {
  const { filter } = staged.skipped;
  const share = { ...noStats, imported: filter, skipped: { ...noStats.skipped, filter } };
  return addStats(applied, share);
}
