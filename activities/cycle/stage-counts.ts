import type { Unified } from '../../src/engine/entity/unify.ts';

/** Returns a chunk's counts for the stages of its cycle, such as `{ 'attach.new': 3, 'save.created': 3 }`. */
export function stageCounts(
  source: string,
  read: number,
  { counts, records }: Pick<Unified, 'counts' | 'records'>,
): Record<string, number> {
  const { byId, byMatch, new: fresh, ambiguous, detached, changed, refused } = counts;
  const deleted = records.filter((one) => one.deleted).length;
  const created = records.filter((one) => one.created && !one.deleted).length;
  return {
    [`read.${source}`]: read,
    'attach.byId': byId,
    'attach.byMatch': byMatch,
    'attach.new': fresh,
    'attach.ambiguous': ambiguous,
    'attach.detached': detached,
    'fields.changed': changed,
    'fields.refused': refused,
    'save.created': created,
    'save.updated': records.length - created - deleted,
    'save.deleted': deleted,
  };
}
