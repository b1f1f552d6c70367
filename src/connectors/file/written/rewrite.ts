import type { ChangeApplier } from './change-applier.ts';
import { chunks } from '../stored/chunks.ts';
import { headerOf, type Header } from '../formats/csv-rows.ts';
import { encoderOf } from '../stored/encoding.ts';
import { layoutOf, type Layout } from './layout.ts';
import { lines } from '../formats/lines.ts';
import { start } from '../formats/position.ts';
import { readableRecords } from '../formats/records.ts';
import type { FileTarget, RecordFile } from './target.ts';

/**
 * Returns the text of a target with changes applied, in parts. A record that does not change is copied byte for byte,
 * with the text that separates it from others. New text follows the file's style.
 * @param held the file as it is; null if it is yet to be created
 */
export async function* rewritten(
  target: FileTarget,
  held: RecordFile | null,
  applied: ChangeApplier,
): AsyncIterable<Buffer | string> {
  const { layout, headOf } = await styleOf(target, held, applied);
  let { head, tail } = layout;
  let count = 0;
  if (held !== null) {
    const copy = new Copy(chunks(held.file, 0));
    let isFirst = true;
    for await (const { record, from, to } of readableRecords(held.format, held.file, start)) {
      const gap = await copy.upTo(from);
      const text = await copy.upTo(to);
      if (isFirst) head = headOf(gap);
      isFirst = false;
      const next = applied.of(record);
      if (next === null) continue;
      yield count === 0 ? head : gap;
      yield next === record ? layout.kept(text, record) : layout.record(next);
      count += 1;
    }
    const rest = await copy.rest();
    if (isFirst) ({ head, tail } = layout.empty(headOf(rest), ''));
    else tail = rest.toString();
  }
  for (const record of applied.created()) {
    yield count === 0 ? head : layout.between(head);
    yield layout.record(record);
    count += 1;
  }
  const end = count === 0 ? layout.empty(head, tail) : { head: '', tail };
  yield end.head + end.tail;
}

interface Style {
  readonly layout: Layout;
  /** Returns the head of the written file, given the text before the first record of the old one. */
  readonly headOf: (before: Buffer) => string;
}

async function styleOf(
  { made, key, fields, rest }: FileTarget,
  held: RecordFile | null,
  applied: ChangeApplier,
): Promise<Style> {
  const { format, file } = held ?? made;
  const header = format === 'csv' && held !== null ? await headerOf(file) : null;
  const old = header?.names ?? [];
  const wanted = [...old, ...key, ...fields, ...(rest ? applied.names : [])];
  const names = format === 'csv' ? [...new Set(wanted)] : [];
  const layout = layoutOf(format, file, {
    eol: held === null ? '\n' : await eolOf(held),
    columns: { names, before: old.length, quoted: header?.quoted ?? true },
    encoder: encoderOf(file.encoding),
  });
  const headOf = (before: Buffer): string =>
    header === null
      ? layout.head
      : withColumns(before, header, layout.columns(names.slice(old.length)));
  return { layout, headOf: format === 'csv' ? headOf : String };
}

function withColumns(before: Buffer, { to }: Header, more: string): string {
  return before.subarray(0, to).toString() + more + before.subarray(to).toString();
}

/** Returns the line ending of a file: that of its first line. */
async function eolOf({ file }: RecordFile): Promise<string> {
  for await (const { text } of lines(file, start, { growing: false }))
    return text.at(-1) === 0x0d ? '\r\n' : '\n';
  return '\n';
}

/** Copies the bytes of a file from place to place. */
class Copy {
  readonly #chunks: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(source: AsyncIterable<Buffer>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Returns the bytes from the last place up to this one. */
  async upTo(byte: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let wanted = byte - this.#at;
    while (wanted > this.#held.length && (await this.#next(parts))) wanted = byte - this.#at;
    return this.#take(parts, wanted);
  }

  /** Returns the bytes that are left. */
  async rest(): Promise<Buffer> {
    const parts: Buffer[] = [];
    while (await this.#next(parts));
    return Buffer.concat(parts);
  }

  #take(parts: Buffer[], count: number): Buffer {
    const part = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    this.#at += part.length;
    return parts.length === 0 ? part : Buffer.concat([...parts, part]);
  }

  /** Appends the held bytes to `parts` and holds the next chunk; returns false if there is none. */
  async #next(parts: Buffer[]): Promise<boolean> {
    parts.push(this.#held);
    this.#at += this.#held.length;
    const { value, done } = await this.#chunks.next();
    this.#held = done === true ? Buffer.alloc(0) : value;
    return done !== true;
  }
}
