/** A reading that a cycle makes of one of its sources: its changes, the records that it deleted, or the ids of all. */
export interface SourceReading {
  readonly source: string;
  readonly reading: 'changes' | 'tombstones' | 'ids';
}

/** A part of a cycle that has chunks of its own, numbered from 0: a reading, or the merge. */
export type ChunkSeries = SourceReading | 'merge';

/** Spells a series for the database; '' is the only one of a sync's run. */
export function seriesKey(series: ChunkSeries | undefined): string {
  if (series === undefined) return '';
  return series === 'merge' ? series : `${series.reading}/${series.source}`;
}
