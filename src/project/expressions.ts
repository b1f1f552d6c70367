import { compileExpression } from '../engine/expression/expression.ts';
import { nothingKnown } from '../model/field.ts';
import type { MappedFieldSource } from '../model/sync.ts';
import type { Path, Reporter } from './reporter.ts';

/** Checks an expression over source fields, which are not known before a run. */
export function checkExpression(file: Reporter, path: Path, source: string): void {
  fieldsUsed(file, path, source);
}

/** Returns the fields that an expression reads; undefined, with a report, when it cannot be compiled. */
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

/** Returns the fields that an expression reads; none when it cannot be compiled. */
export function readsOf(source: string): readonly string[] {
  try {
    return compileExpression(source, nothingKnown).fieldsUsed;
  } catch {
    return [];
  }
}

/**
 * Returns the expressions in a mapping's `fields`, the keys of look-ups included, each with its place below `fields`.
 */
export function expressionsIn(
  fields: Readonly<Record<string, MappedFieldSource>>,
): [path: Path, expr: string][] {
  return Object.entries(fields).flatMap(([name, from]): [Path, string][] => {
    if (typeof from === 'string') return [];
    if ('expr' in from) return [[[name, 'expr'], from.expr]];
    if (!('lookup' in from)) return [];
    return expressionsIn(from.lookup.key).map(([path, expr]) => [
      [name, 'lookup', 'key', ...path],
      expr,
    ]);
  });
}
