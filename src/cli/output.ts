/** Prints one JSON value on a line of its own. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Prints a line of text for people. */
export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/**
 * Prints rows: as aligned columns on a terminal, and separated by tabs, without a header, when piped.
 * @param header the columns' names
 */
export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  if (!process.stdout.isTTY) {
    for (const row of rows) printLine(row.map((cell) => cell.replaceAll(/\s+/g, ' ')).join('\t'));
    return;
  }
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of [header, ...rows]) {
    printLine(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}
