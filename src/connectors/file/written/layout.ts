import type { Json, JsonObject } from '../../../model/json.ts';
import { stringifyJson } from '../../kit/json.ts';
import type { Encoder } from '../stored/encoding.ts';
import type { Format } from '../formats/format.ts';
import type { Reading } from '../formats/position.ts';

/** The parts of a file's text: a head, records with a separator between each two, and a tail. */
export interface Layout {
  /** The head and tail of a file without records. */
  readonly head: string;
  readonly tail: string;
  /** CSV only: returns the text that is added to the header for more columns. */
  columns(added: readonly string[]): string;
  /**
   * Returns the separator between two records.
   * @param head the head of the file that they are in
   */
  between(head: string): string;
  record(record: JsonObject): string;
  /** Returns the text of a record that does not change. */
  kept(text: Buffer, stored: JsonObject): Buffer | string;
  /** Returns head and tail of a file without records, whether it had none or its last one was removed. */
  empty(head: string, tail: string): { readonly head: string; readonly tail: string };
}

/** The columns of a CSV file that is written. */
export interface Columns {
  readonly names: readonly string[];
  /** The number of columns that it had before. */
  readonly before: number;
  /** True when names are in quotes. */
  readonly quoted: boolean;
}

/** The conventions that a layout follows. */
interface Style {
  /** The line ending. */
  readonly eol: string;
  /** CSV only. */
  readonly columns: Columns;
  readonly encoder: Pick<Encoder, 'holds'>;
}

type Dialect = Pick<Reading, 'delimiter' | 'nulls'>;

/** Returns the layout of a file. */
export function layoutOf(format: Format, file: Dialect, style: Style): Layout {
  if (format === 'csv') return csvLayout(file, style);
  return format === 'jsonl' ? linesLayout(style) : listLayout(style);
}

function csvLayout(file: Dialect, { eol, columns }: Style): Layout {
  const { delimiter } = file;
  const { names, before, quoted } = columns;
  const title = (name: string): string => (quoted ? inQuotes(name) : csvCell(name, file));
  return {
    head: names.map(title).join(delimiter) + eol,
    tail: eol,
    columns: (added) => added.map((name) => delimiter + title(name)).join(''),
    between: () => eol,
    record: (record) => names.map((name) => csvCell(record[name], file)).join(delimiter),
    kept(text, stored) {
      if (names.length === before) return text;
      const missing = names.length - Object.keys(stored).length;
      const nulls = `${delimiter}${nullText(file.nulls)}`.repeat(missing);
      return Buffer.concat([text, Buffer.from(nulls)]);
    },
    empty: (head, tail) => ({ head: head.endsWith('\n') ? head : head + eol, tail: tail.trim() }),
  };
}

function linesLayout({ eol, encoder }: Style): Layout {
  return {
    head: '',
    tail: eol,
    columns: () => '',
    between: () => eol,
    record: (record) => escaped(stringifyJson(record), encoder),
    kept: (text) => text,
    empty: (head, tail) => ({ head, tail: tail.trim() }),
  };
}

function listLayout({ eol, encoder }: Style): Layout {
  return {
    head: `[${eol}`,
    tail: `${eol}]${eol}`,
    columns: () => '',
    between: (head) => `,${head.slice(head.lastIndexOf('[') + 1)}`,
    record: (record) => escaped(stringifyJson(record), encoder),
    kept: (text) => text,
    empty(head, tail) {
      const whole = head + tail;
      const end = whole.lastIndexOf(']');
      return { head: whole.slice(0, end).trimEnd(), tail: whole.slice(end) };
    },
  };
}

/** Returns JSON text in which characters that the encoding lacks are written as `\u…`. */
function escaped(json: string, { holds }: Pick<Encoder, 'holds'>): string {
  if (holds(json)) return json;
  return json.replace(/[\u0080-\u{10FFFF}]/gu, (char) => (holds(char) ? char : codes(char)));
}

function codes(char: string): string {
  const code = (at: number): string => char.charCodeAt(at).toString(16).padStart(4, '0');
  return Array.from({ length: char.length }, (_, at) => `\\u${code(at)}`).join('');
}

/**
 * Returns a cell's text. An empty text and a text that means null are quoted, which tells them from null. A cell that
 * holds any character of the delimiter is quoted too, since it must not end with a part of the delimiter.
 */
function csvCell(value: Json | undefined, { delimiter, nulls }: Dialect): string {
  if (value === null || value === undefined) return nullText(nulls);
  const text = typeof value === 'string' ? value : stringifyJson(value);
  const isPlain =
    text !== '' &&
    !nulls.has(text) &&
    !/["\r\n]/.test(text) &&
    !Array.from(delimiter).some((char) => text.includes(char));
  return isPlain ? text : inQuotes(text);
}

/** Returns the text that null is written as: the first of those that mean it. */
function nullText(nulls: ReadonlySet<string>): string {
  const [first = ''] = nulls;
  return first;
}

function inQuotes(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
