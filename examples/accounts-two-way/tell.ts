import type { EntryJson, GoldenJson } from '../../src/api/views/golden-view.ts';

/** A golden record, as lines for people. */
export function recordLines({ fields, ids }: GoldenJson): string[] {
  const values = Object.entries(fields).map(([name, value]) => `${name} ${shown(value)}`);
  const held = Object.entries(ids).map(([system, all]) => `${system} ${all.join(' and ')}`);
  return [values.join(', '), `known as ${held.join(', ')}`];
}

/** Returns the changes of a record in one cycle, as lines for people. */
export function entryLines({ cycle, operation, changes, refused, ids, merged }: EntryJson) {
  const others = merged.length > 0 ? ` (merged with ${merged.join(', ')})` : '';
  return [
    `cycle ${cycle}: ${operation}${others}`,
    ...ids.map(({ system, id, change, by }) => `  ${system} ${id} ${change} (${by})`),
    ...changes.map(
      ({ field, old, new: value, source, by }) =>
        `  ${field} ${shown(old)} → ${shown(value)}, from ${source} (${by})`,
    ),
    ...refused.map(
      ({ field, value, source, by }) => `  ${field} ${shown(value)} of ${source} refused (${by})`,
    ),
  ];
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
