const escapes: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
const written: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** The values of one line of COPY text. */
export function decodeLine(line: string): (string | null)[] {
  const parts = line.split('\t');
  if (!line.includes('\\')) return parts;
  return parts.map(decodeValue);
}

/** One line of COPY text with its newline. */
export function encodeLine(values: readonly (string | null)[]): string {
  return `${values.map(encodeValue).join('\t')}\n`;
}

function decodeValue(text: string): string | null {
  if (text === '\\N') return null;
  if (!text.includes('\\')) return text;
  return text.replaceAll(/\\(.)/gs, (_, letter: string) => escapes[letter] ?? letter);
}

function encodeValue(text: string | null): string {
  if (text === null) return '\\N';
  return text.replaceAll(/[\\\n\r\t]/g, (letter) => written[letter] ?? letter);
}

/** Follows a flow of COPY bytes: counts lines and remembers the last whole one. */
export class LineTracker {
  lines = 0;
  private last: Buffer | null = null;
  private rest: Buffer[] = [];

  /** @param chunk the next bytes, with lines cut anywhere */
  push(chunk: Buffer): void {
    const end = chunk.lastIndexOf(10);
    if (end < 0) {
      this.rest.push(chunk);
      return;
    }
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) this.lines += 1;
    const before = end === 0 ? -1 : chunk.lastIndexOf(10, end - 1);
    const line = chunk.subarray(before + 1, end);
    this.last = before >= 0 ? line : Buffer.concat([...this.rest, line]);
    this.rest = end + 1 < chunk.length ? [chunk.subarray(end + 1)] : [];
  }

  /** The values of the last whole line; null before the first. */
  lastValues(): (string | null)[] | null {
    return this.last && decodeLine(this.last.toString('utf8'));
  }
}
