import { ConfigError } from '../../../model/failure.ts';
import type { RecordBatch } from '../../../model/record.ts';
import { tooLarge } from '../../../model/too-large.ts';
import type { CopyText, Page, PageEnd, PageRequest } from '../../contract/page.ts';
import { fieldOf } from '../catalog/catalog.ts';
import { copyOut } from './copy-out.ts';
import { decodeLine, LineTracker } from '../values/copy-lines.ts';
import { LineGuard, type ShortValues } from './line-guard.ts';
import type { PageQuery } from './page-query.ts';
import type { Session } from '../link/session.ts';

/** One page, streamed out of the database while it is consumed. */
export class CopyPage implements Page {
  readonly copy: CopyText;
  private readonly session: Session;
  private readonly query: PageQuery;
  private readonly request: PageRequest;
  private readonly tracker = new LineTracker();
  /** The remaining values of rows that were too large. */
  private readonly oversized: ShortValues[] = [];
  private size = 0;
  private cut = false;

  constructor(session: Session, query: PageQuery, request: PageRequest) {
    this.session = session;
    this.query = query;
    this.request = request;
    this.copy = {
      fields: query.columns.map(fieldOf),
      bytes: () => this.bytes(),
      oversized: () => this.oversized,
    };
  }

  async *batches(): AsyncIterable<RecordBatch> {
    const width = this.request.fields.length;
    const fields = this.copy.fields.slice(0, width);
    const exact = width === this.query.columns.length;
    const needed = (values: ShortValues) => (exact ? values : values.slice(0, width));
    for await (const lines of this.bytes()) {
      // A line without columns is empty, and still one row.
      const text = lines.toString('utf8', 0, lines.length - 1);
      const rows = text.split('\n').map((line) => needed(decodeLine(line)));
      yield { encoding: 'sql', fields, rows };
    }
    if (this.oversized.length === 0) return;
    const fault = tooLarge(this.request.limit.record ?? 0);
    const faults = this.oversized.map((_, row) => ({ row, ...fault }));
    yield { encoding: 'sql', fields, rows: this.oversized.map(needed), faults };
  }

  end(): PageEnd {
    const { lines: records } = this.tracker;
    return { cursor: this.cursor(), records, bytes: this.size };
  }

  private cursor(): string | null {
    const { cursorAt } = this.query;
    const full =
      this.cut || this.tracker.lines >= Math.max(1, Math.floor(this.request.limit.records));
    const last = cursorAt.length > 0 && full ? this.tracker.lastValues() : null;
    if (last === null) return null;
    const values = cursorAt.map((at) => last[at]);
    if (!values.includes(undefined)) return JSON.stringify(values);
    const { connection } = this.session;
    const message = `${connection}: a record is too large, and so is the key to go on after it`;
    throw new ConfigError('too_large', message, { connection });
  }

  /** Streams whole lines; rows that are too large are set aside. */
  private async *bytes(): AsyncGenerator<Buffer> {
    const { bytes, record = Number.POSITIVE_INFINITY } = this.request.limit;
    const most = this.query.divisible ? bytes : Number.POSITIVE_INFINITY;
    const guard = new LineGuard(record);
    for await (const chunk of copyOut(this.session, this.query.sql)) {
      this.size += chunk.length;
      let whole = false;
      for (const lines of guard.push(chunk)) {
        whole = true;
        this.tracker.push(lines);
        if (Buffer.isBuffer(lines)) yield lines;
        else this.oversized.push(lines);
      }
      this.cut = whole && this.size >= most;
      if (this.cut) return;
    }
  }
}
