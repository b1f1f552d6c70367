import type { JsonObject } from '../../../model/json.ts';
import type { Match } from '../../../model/match.ts';
import { ChangeApplier } from './change-applier.ts';
import { csvCells, jsonCells, type Cells } from '../formats/cells.ts';
import { changesOf } from './changes.ts';
import type { Format } from '../formats/format.ts';
import type { ChangeJournal } from './journal.ts';
import { start, type Reading } from '../formats/position.ts';
import { readableRecords } from '../formats/records.ts';

/** A file with records, and its format. */
export interface RecordFile {
  readonly format: Format;
  readonly file: Reading;
}

/** The file that a destination writes to. */
export interface FileTarget {
  /** Returns the file as it is now; null if there is none. */
  readonly held: () => Promise<RecordFile | null>;
  /** The file to create if there is none. */
  readonly made: RecordFile;
  /** True when the file existed as the target was opened. */
  readonly existed: boolean;
  readonly journal: ChangeJournal;
  readonly key: readonly string[];
  readonly fields: readonly string[];
  /** True when fields other than `fields` are written too. */
  readonly rest: boolean;
  readonly match: Match;
  readonly neutralizeFormulas: boolean;
}

/** Returns the cells of a target's format. */
export function cellsOf({ made, neutralizeFormulas }: FileTarget): Cells {
  return made.format === 'csv' ? csvCells(neutralizeFormulas) : jsonCells;
}

/** The records as the file holds them, with the journal's changes made, in file order, then the new ones. */
export async function storedRecords(
  target: FileTarget,
  signal: AbortSignal,
): Promise<AsyncIterable<JsonObject>> {
  const { applied } = await changesFor(target);
  return changedRecords(await target.held(), applied, signal);
}

async function* changedRecords(
  held: RecordFile | null,
  applied: ChangeApplier,
  signal: AbortSignal,
): AsyncIterable<JsonObject> {
  if (held !== null) {
    for await (const { record } of readableRecords(held.format, held.file, start, signal)) {
      const next = applied.of(record);
      if (next !== null) yield next;
    }
  }
  yield* applied.created();
}

/** Returns the changes of the journal, ready to be applied to the target's records. */
export async function changesFor(
  target: FileTarget,
): Promise<{ applied: ChangeApplier; operations: number }> {
  const { key, match, journal } = target;
  const changes = await changesOf(journal.entries(), key, match);
  const applied = new ChangeApplier(changes, { key, match, cells: cellsOf(target) });
  return { applied, operations: changes.operations };
}
