import { isAscii } from 'node:buffer';
import type { StagedFault } from '../../contract/staging.ts';
import { decodeLine, encodeLine } from './copy-lines.ts';
import { LineGuard } from '../read/line-guard.ts';
import type { Repertoire } from './repertoire.ts';

/** The columns of some lines that matter, and their names. */
export interface ScreenedColumns {
  /** The names of the used columns, by index; undefined for other columns, whose values may be lost. */
  readonly names: readonly (string | undefined)[];
  /** The indexes of the key's columns. */
  readonly key: readonly number[];
  /** The index of the column with the fault that a row may have already; -1 for none. */
  readonly fault: number;
}

/** A row that the destination cannot hold whole. */
export interface ScreenedRow {
  readonly values: readonly (string | null)[];
  readonly fault: StagedFault;
}

/**
 * Sets aside the rows that hold a character which the database's encoding lacks. Such a row would fail the whole COPY.
 */
export class Screen {
  /** The rows set aside, without the values at fault; complete after the lines have passed. */
  readonly aside: ScreenedRow[] = [];
  private readonly repertoire: Repertoire;
  private readonly columns: ScreenedColumns;

  constructor(repertoire: Repertoire, columns: ScreenedColumns) {
    this.repertoire = repertoire;
    this.columns = columns;
  }

  /** Passes on the lines that can be copied. */
  async *pass(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const guard = new LineGuard(Number.POSITIVE_INFINITY);
    for await (const chunk of bytes) {
      for (const lines of guard.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)))
        if (Buffer.isBuffer(lines)) yield this.fitting(lines);
    }
  }

  private fitting(lines: Buffer): Buffer {
    if (isAscii(lines)) return lines;
    const text = lines.toString('utf8');
    if (this.holds(text)) return lines;
    const kept = text
      .slice(0, -1)
      .split('\n')
      .map((line) => this.lineOf(line));
    return Buffer.from(kept.join(''));
  }

  /** Returns the line to copy; empty for a row that is set aside. */
  private lineOf(line: string): string {
    if (this.holds(line)) return `${line}\n`;
    const { names, key, fault } = this.columns;
    const given = decodeLine(line);
    const values = given.map((value) => (value === null || this.holds(value) ? value : null));
    const at = names.findIndex(
      (name, place) => name !== undefined && values[place] !== given[place],
    );
    if (at < 0) return encodeLine(values);
    const earlier = JSON.parse(given[fault] ?? 'null') as StagedFault | null;
    const lost = this.faultOf(names[at]);
    this.aside.push({
      values,
      fault: { ...(earlier ?? lost), key: key.map((place) => given[place] ?? null) },
    });
    return '';
  }

  private faultOf(field: string | undefined): StagedFault {
    const message = `a character of the value is not in the encoding of the destination, ${this.repertoire.encoding}`;
    return { code: '22P05', message, ...(field !== undefined && { field }) };
  }

  private holds(text: string): boolean {
    const { characters } = this.repertoire;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.codePointAt(at)!;
      if (code >= 0x80 && !characters.has(code)) return false;
      if (code > 0xffff) at += 1;
    }
    return true;
  }
}
