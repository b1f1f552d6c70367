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

const special = /[\\\n\r\t]/;

/** Decodes the values of one line of COPY text. */
export function decodeLine(line: string): (string | null)[] {
  const parts = line.split('\t');
  if (!line.includes('\\')) return parts;
  return parts.map(decodeValue);
}

/** Encodes one line of COPY text, with its newline. */
export function encodeLine(values: readonly (string | null)[]): string {
  return `${values.map(encodeValue).join('\t')}\n`;
}

/** Decodes one value of a line. */
export function decodeValue(text: string): string | null {
  if (text === '\\N') return null;
  if (!text.includes('\\')) return text;
  return text.replaceAll(/\\(.)/gs, (_, letter: string) => escapes[letter] ?? letter);
}

function encodeValue(text: string | null): string {
  if (text === null) return '\\N';
  // Few texts need escaping, and testing is far cheaper than replacing.
  if (!special.test(text)) return text;
  return text.replaceAll(/[\\\n\r\t]/g, (letter) => written[letter] ?? letter);
}

/** Counts lines and remembers the last one. */
export class LineTracker {
  lines = 0;
  private last: Buffer | readonly (string | null | undefined)[] | null = null;

  /** @param lines whole lines, or the values of one */
  push(lines: Buffer | readonly (string | null | undefined)[]): void {
    if (!Buffer.isBuffer(lines)) {
      this.lines += 1;
      this.last = lines;
      return;
    }
    for (let at = lines.indexOf(10); at >= 0; at = lines.indexOf(10, at + 1)) this.lines += 1;
    const before = lines.length > 1 ? lines.lastIndexOf(10, lines.length - 2) : -1;
    this.last = lines.subarray(before + 1, -1);
  }

  /** Returns the values of the last line, undefined for one that was not kept; null before the first line. */
  lastValues(): readonly (string | null | undefined)[] | null {
    return Buffer.isBuffer(this.last) ? decodeLine(this.last.toString('utf8')) : this.last;
  }
}
