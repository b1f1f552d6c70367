// A connector of your own, whole: it reads and writes the guest list of system.ts. `type: ./connector.ts` in sluice.yaml
// loads this file as it is. docs/writing-a-connector.md walks through it.
import {
  allModes,
  ConfigError,
  defineConnector,
  nearestOf,
  z,
  type Calls,
  type Connection,
  type DestinationRole,
  type Field,
  type JsonObject,
  type KeyValues,
  type SourceRole,
  type WriteOperation,
  type WriteResult,
} from 'sluice';
import { HttpClient, resultOf, type Call } from 'sluice/kit';

// What a connection says beside `type`. The descriptions are shown where a setting is wrong or asked for.
const settings = z.strictObject({
  url: z.url().describe('Where the guest list answers, such as https://guests.example.com.'),
  token: z.string().min(1).describe('A token of the guest list.'),
});
type Settings = z.infer<typeof settings>;

const path = '/guests';

// What is known of the fields is checked before a run starts, and shown by discovery.
const fields: readonly Field[] = [
  { name: 'code', type: 'text', nullable: false, required: true, unique: true, updatable: false },
  { name: 'name', type: 'text' },
  { name: 'note', type: 'text' },
  // The system's own stamp of the last change: it cannot be written, and it tells what is new since the last run.
  { name: 'changed', type: 'timestamptz', creatable: false, updatable: false },
];

/** A page of guests, the last code of it (null after the last page), and the system's clock. */
interface Listed {
  readonly guests: readonly JsonObject[];
  readonly next: string | null;
  readonly now: string;
}

/** A connected guest list. */
class GuestList implements Connection {
  readonly client: HttpClient;
  readonly #connection: string;

  constructor({ url, token }: Settings, connection: string) {
    this.#connection = connection;
    const auth = { type: 'bearer', token } as const;
    this.client = new HttpClient({ connection, url, timeoutMs: 60_000, auth });
  }

  /** Any call proves that address and token work. */
  async check(calls: Calls): Promise<void> {
    await this.page({ limit: '1' }, calls);
  }

  async discover() {
    return [{ name: 'guests', fields, primaryKey: ['code'] }];
  }

  async close(): Promise<void> {
    this.client.close();
  }

  /** The guests that a query finds, in order of `code`. */
  async page(query: Record<string, string>, calls: Calls): Promise<Listed> {
    const call = { method: 'GET', path, label: path, params: Object.entries(query) };
    const { status, body } = await this.client.request(call, calls);
    if (status === 200) return body as unknown as Listed;
    throw this.wrong('refused', `the list was answered ${status}: is the url right?`);
  }

  /** Refuses a stream or a field that does not exist, and names those that may be meant. */
  requireKnown(stream: string, names: readonly string[]): void {
    if (stream !== 'guests')
      throw this.wrong('unknown_stream', `no stream ${stream}${nearestOf(stream, ['guests'])}`);
    const there = fields.map(({ name }) => name);
    const name = names.find((each) => !there.includes(each));
    if (name !== undefined)
      throw this.wrong('unknown_field', `no field ${name}${nearestOf(name, there)}`);
  }

  /** What no second try helps against: a person must change the project. */
  wrong(code: string, message: string): ConfigError {
    const connection = this.#connection;
    return new ConfigError(code, `${connection}: ${message}`, { connection });
  }
}

const source: SourceRole<Settings, GuestList> = {
  async open(list, { stream, key, watermark, order, lag }) {
    list.requireKnown(stream, key);
    if (watermark !== undefined && watermark !== 'changed')
      throw list.wrong('no_watermark', 'guests are read by "changed" alone');
    if (order !== undefined) throw list.wrong('unsupported_order', 'guests come by code');
    if (lag !== undefined) throw list.wrong('invalid_lag', '"changed" is never late');
    return {
      encoding: 'json',
      fields,
      uniqueBy: ['code'],
      // Asked before the first page. What changes while the pages are read belongs to the next run.
      async highWatermark(calls) {
        const { guests, now } = await list.page({ limit: '1' }, calls);
        return guests.length === 0 ? null : now;
      },
      // A cursor names a place, the code that the page begins after: the same cursor reads the same place again.
      async read({ cursor, since, until, limit, fields: wanted }, calls) {
        const query = {
          limit: String(limit.records),
          ...(cursor !== null && { after: cursor }),
          ...(since !== null && { since }),
          ...(since !== null && until !== null && { until }),
        };
        const { guests, next } = await list.page(query, calls);
        const bytes = JSON.stringify(guests).length;
        return {
          async *batches() {
            yield batchOf(guests, wanted);
          },
          end: () => ({ cursor: next, records: guests.length, bytes }),
        };
      },
      // For `retry-errors`, which reads single records again.
      async lookup({ keys, fields: wanted }, calls) {
        return batchOf(await find(list, keys, calls), wanted);
      },
    };
  },
};

/** Exactly the wanted fields, in that order; the values stay as the system gave them. */
function batchOf(guests: readonly JsonObject[], wanted: readonly string[]) {
  return {
    encoding: 'json' as const,
    fields: wanted.flatMap((name) => fields.filter((field) => field.name === name)),
    rows: guests.map((guest) => wanted.map((name) => guest[name])),
  };
}

/** The guests that have one of these keys. */
async function find(list: GuestList, keys: readonly KeyValues[], calls: Calls) {
  const codes = JSON.stringify(keys.map(codeOf));
  return (await list.page({ codes }, calls)).guests;
}

function codeOf([code]: KeyValues): string {
  return typeof code === 'string' ? code : JSON.stringify(code);
}

const destination: DestinationRole<Settings, GuestList> = {
  modes: () => allModes,
  async open(list, { stream, key, fields: mapped, id }) {
    list.requireKnown(stream, [...key, ...mapped]);
    if (key.join() !== 'code') throw list.wrong('invalid_key', 'guests are found by "code"');
    if (id !== undefined) throw list.wrong('invalid_id', 'guests have no id but their code');
    return {
      kind: 'records',
      fields,
      // A sync that copies every field leaves this one alone.
      leavesOut: ['changed'],
      // One record a call. A system with bulk calls says more here.
      batch: { create: 1, update: 1, remove: 1 },
      // A create that is sent again with its key makes no second guest.
      idempotentCreate: true,
      lookupBatch: 50,
      // What the system holds decides: new is created, different is updated, equal is left alone.
      async lookup(keys, calls) {
        const guests = await find(list, keys, calls);
        return keys.flatMap((wanted) =>
          guests
            .filter(({ code }) => code === codeOf(wanted))
            .map((values) => ({ key: wanted, id: null, values })),
        );
      },
      // All that there is, for a mirror.
      async *scan(calls) {
        for (let after: string | null = ''; after !== null;) {
          const listed: Listed = await list.page({ after }, calls);
          yield listed.guests.map((values) => ({
            key: [values['code'] ?? null],
            id: null,
            values,
          }));
          after = listed.next;
        }
      },
      write: (operations, calls) =>
        Promise.all(operations.map((operation) => write(list, operation, calls))),
    };
  },
};

const methods = { create: 'POST', update: 'PATCH', remove: 'DELETE' } as const;

/** Writes one record. A refusal is its result, never an exception: the others go on. */
async function write(
  { client }: GuestList,
  written: WriteOperation,
  calls: Calls,
): Promise<WriteResult> {
  const { operation, key, values, idempotencyKey } = written;
  const code = codeOf(key);
  const isCreate = operation === 'create';
  const call: Call = {
    method: methods[operation],
    path,
    label: path,
    ...(operation !== 'remove' && { body: isCreate ? { code, ...values } : values }),
    ...(isCreate
      ? { headers: { 'idempotency-key': idempotencyKey } }
      : { params: [['code', code]] }),
  };
  const { status, body } = await client.request(call, calls);
  return resultOf(status, body, written, client.echo([written]), undefined);
}

export default defineConnector<Settings, GuestList>({
  type: 'guests',
  title: 'A guest list',
  settings,
  // Paths of settings that nobody is shown.
  secrets: ['token'],
  // Shared by all workers. The answers teach the rest.
  quota: () => ({ default: { requests: 20, perMs: 1000 } }),
  source,
  destination,
  // No call is made here: the first one that needs the system makes it.
  connect: (said, { connection }) => new GuestList(said, connection),
});
