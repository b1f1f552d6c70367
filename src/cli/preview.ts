import type { RunView } from '../api/views/run-view.ts';
import { printLine, printTable } from './output.ts';
import { keyText } from './summary.ts';

/** Prints the result of a dry run, with a line for each field that would change. */
export function printPreview({ canRead, reason, changes, removal }: Preview): void {
  if (!canRead && reason !== null) printLine(reason);
  const rows = changes.flatMap(({ operation, key, fields }) =>
    fields.map(({ field, before, after }) => [
      operation,
      keyText(key),
      field,
      before === undefined ? '?' : valueText(before),
      valueText(after),
    ]),
  );
  if (rows.length > 0) printTable(['WOULD', 'KEY', 'FIELD', 'BEFORE', 'AFTER'], rows);
  if (removal !== null) for (const line of removalLines(removal)) printLine(line);
}

type Preview = NonNullable<RunView['preview']>;

function removalLines({ remove, of, needsApproval, keys }: NonNullable<Preview['removal']>) {
  const asks = needsApproval ? ', and would wait for approval' : '';
  const lines = [`would remove ${remove} of ${of} records${asks}`];
  if (keys.length > 0) {
    const more = remove > keys.length ? ', …' : '';
    lines.push(`  ${keys.map(keyText).join(', ')}${more}`);
  }
  return lines;
}

function valueText(value: unknown): string {
  return JSON.stringify(value ?? null);
}
