/**
 * Returns a new id of a run. Ids sort by time, and the random part makes them unique.
 * @param now milliseconds since 1970
 * @param random a UUID
 */
export function newRunId(now: number, random: string): string {
  return `${now.toString(36).padStart(9, '0')}-${random.replaceAll('-', '').slice(0, 10)}`;
}
