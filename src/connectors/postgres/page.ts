import type { RecordBatch } from '../../model/record.ts';
import type { CopyText, Page, PageEnd, PageRequest } from '../source.ts';
import { fieldOf } from './catalog.ts';
import { copyOut } from './copyOut.ts';
import { decodeLine, LineTracker } from './copyLines.ts';
import type { PageQuery } from './pageQuery.ts';
import type { Session } from './session.ts';

/** One page, streamed out of the database as it is consumed. */
export class CopyPage implements Page {
  readonly copy: CopyText;
  private readonly session: Session;
  private readonly query: PageQuery;
  private readonly request: PageRequest;
  private readonly tracker = new LineTracker();
  private size = 0;
  private cut = false;

  constructor(session: Session, query: PageQuery, request: PageRequest) {
    this.session = session;
    this.query = query;
    this.request = request;
    this.copy = { fields: query.columns.map(fieldOf), bytes: () => this.bytes() };
  }

  async *batches(): AsyncIterable<RecordBatch> {
    const width = this.request.fields.length;
    const fields = this.copy.fields.slice(0, width);
    const exact = width === this.query.columns.length;
    let rest: Buffer[] = [];
    for await (const chunk of this.bytes()) {
      const end = chunk.lastIndexOf(10);
      if (end < 0) {
        rest.push(chunk);
        continue;
      }
      const text = Buffer.concat([...rest, chunk.subarray(0, end)]).toString('utf8');
      rest = [chunk.subarray(end + 1)];
      // A line without columns is an empty line: one row all the same.
      const rows = text.split('\n').map((line) => {
        const values = decodeLine(line);
        return exact ? values : values.slice(0, width);
      });
      yield { encoding: 'sql', fields, rows };
    }
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
    return last && JSON.stringify(cursorAt.map((at) => last[at] ?? null));
  }

  private async *bytes(): AsyncGenerator<Buffer> {
    const most = this.query.divisible ? this.request.limit.bytes : Number.POSITIVE_INFINITY;
    for await (const chunk of copyOut(this.session, this.query.sql, this.request.signal)) {
      const end = this.size + chunk.length >= most ? chunk.lastIndexOf(10) : -1;
      const part = end >= 0 ? chunk.subarray(0, end + 1) : chunk;
      this.tracker.push(part);
      this.size += part.length;
      this.cut = end >= 0;
      yield part;
      if (this.cut) return;
    }
  }
}
