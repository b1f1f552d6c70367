import { keptOfTooLarge } from '../../../model/too-large.ts';
import { decodeValue } from '../values/copy-lines.ts';

/** The values of a line that was too long; undefined for values that are too long to keep. */
export type ShortValues = (string | null | undefined)[];

/** Whole lines, or the values that are left of one line that was too long. */
export type LinesOrValues = Buffer | ShortValues;

const newline = 10;
const tab = 9;

/** Cuts a stream of COPY bytes into whole lines, and never holds more of a line than the limit. */
export class LineGuard {
  private readonly limit: number;
  /** The start of a line whose end has not come yet. */
  private start: Buffer[] = [];
  private size = 0;
  private long: LongLine | undefined;

  /** @param limit the longest line that is passed on, in bytes */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** @param chunk the next bytes, with lines cut anywhere */
  *push(chunk: Buffer): Generator<LinesOrValues> {
    let rest = chunk;
    if (this.size > 0) {
      const end = rest.indexOf(newline);
      this.extend(end < 0 ? rest : rest.subarray(0, end));
      if (end < 0) return;
      yield this.finish();
      rest = rest.subarray(end + 1);
    }
    const end = rest.lastIndexOf(newline);
    if (end >= 0) yield* this.whole(rest.subarray(0, end + 1));
    if (end + 1 < rest.length) this.extend(rest.subarray(end + 1));
  }

  /** Passes on complete lines; one by one only when one of them could be too long. */
  private *whole(lines: Buffer): Generator<LinesOrValues> {
    if (lines.length <= this.limit) {
      yield lines;
      return;
    }
    for (let at = 0; at < lines.length;) {
      const end = lines.indexOf(newline, at);
      this.extend(lines.subarray(at, end));
      yield this.finish();
      at = end + 1;
    }
  }

  private extend(part: Buffer): void {
    this.size += part.length;
    if (this.long === undefined && this.size > this.limit) {
      this.long = new LongLine();
      for (const each of this.start) this.long.push(each);
      this.start = [];
    }
    if (this.long === undefined) this.start.push(part);
    else this.long.push(part);
  }

  private finish(): LinesOrValues {
    const line = this.long?.end() ?? Buffer.concat([...this.start, Buffer.of(newline)]);
    this.start = [];
    this.size = 0;
    this.long = undefined;
    return line;
  }
}

/** Keeps the short values of a line that is too long to keep whole. */
class LongLine {
  private readonly values: ShortValues = [];
  private parts: Buffer[] = [];
  private size = 0;

  push(part: Buffer): void {
    let at = 0;
    for (let end = part.indexOf(tab); end >= 0; end = part.indexOf(tab, at)) {
      this.extend(part.subarray(at, end));
      this.close();
      at = end + 1;
    }
    this.extend(part.subarray(at));
  }

  end(): ShortValues {
    this.close();
    return this.values;
  }

  private extend(part: Buffer): void {
    this.size += part.length;
    if (this.size > keptOfTooLarge) this.parts = [];
    else this.parts.push(Buffer.from(part));
  }

  private close(): void {
    const short = this.size <= keptOfTooLarge;
    this.values.push(short ? decodeValue(Buffer.concat(this.parts).toString('utf8')) : undefined);
    this.parts = [];
    this.size = 0;
  }
}
