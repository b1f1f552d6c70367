import { compileExpression } from '../engine/expression/expression.ts';
import { nothingKnown } from '../model/field.ts';
import type { Path, Reporter } from './reporter.ts';

/** Checks an expression over source fields, which are not known before a run. */
export function checkExpression(file: Reporter, path: Path, source: string): void {
  fieldsUsed(file, path, source);
}

/** The fields that an expression reads; undefined, and reported, where it cannot be compiled. */
export function fieldsUsed(
  file: Reporter,
  path: Path,
  source: string,
): readonly string[] | undefined {
  try {
    return compileExpression(source, nothingKnown).fieldsUsed;
  } catch (error) {
    file.report(path, error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** The fields that an expression reads; none where it cannot be compiled. */
export function readsOf(source: string): readonly string[] {
  try {
    return compileExpression(source, nothingKnown).fieldsUsed;
  } catch {
    return [];
  }
}
