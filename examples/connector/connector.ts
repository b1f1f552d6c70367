// A connector of your own, whole: it reads and writes the guest list of system.ts. `type: ./connector.ts` in sluice.yaml
// loads this file as it is. docs/writing-a-connector.md walks through it.
import {
  allModes,
  ConfigError,
  defineConnector,
  LimitedError,
  nearestOf,
  TransientError,
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

// What a connection says beside `type`. The descriptions are shown where a setting is wrong or asked for.
const settings = z.strictObject({
  url: z.url().describe('Where the guest list answers, such as https://guests.example.com.'),
  token: z.string().min(1).describe('A token of the guest list.'),
});
type Settings = z.infer<typeof settings>;

// What is known of the fields is checked before a run starts, and shown by discovery.
const fields: readonly Field[] = [
  { name: 'code', type: 'text', nullable: false, required: true, unique: true, updatable: false },
  { name: 'name', type: 'text' },
  { name: 'note', type: 'text' },
  // The system's own stamp of the last change: it cannot be written, and it tells what is new since the last run.
  { name: 'changed', type: 'timestamptz', creatable: false, updatable: false },
];

/** What the system answers: to GET a page of guests, the last code of it (null after the last page) and its clock. */
interface Answer {
  readonly status: number;
  readonly guests: readonly JsonObject[];
  readonly next: string | null;
  readonly now: string;
  readonly message?: string;
  readonly field?: string;
}

/** A connected guest list. `fetch` looks after the sockets, so that there is nothing to close. */
class GuestList implements Connection {
  readonly #settings: Settings;
  readonly #connection: string;

  constructor(said: Settings, connection: string) {
    this.#settings = said;
    this.#connection = connection;
  }

  /** Any call proves that address and token work. */
  async check(calls: Calls): Promise<void> {
    await this.call(calls, 'GET', { limit: '1' });
  }

  async discover() {
    return [{ name: 'guests', fields, primaryKey: ['code'] }];
  }

  async close(): Promise<void> {}

  /** Makes one call. What concerns no single record is thrown; the refusal of a write is for the caller. */
  async call(
    calls: Calls,
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    query: Record<string, string>,
    body?: JsonObject,
    idempotencyKey?: string,
  ): Promise<Answer> {
    const connection = this.#connection;
    const address = `${this.#settings.url}/guests?${new URLSearchParams(query).toString()}`;
    const headers = {
      authorization: `Bearer ${this.#settings.token}`,
      ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
    };
    // `make` waits for the quota, makes sure that the write is still ours, and repeats what was refused for its rate.
    const answer = await calls.make(async ({ signal }) => {
      const init = { method, headers, signal, ...(body && { body: JSON.stringify(body) }) };
      try {
        const response = await fetch(address, init);
        const value = { status: response.status, ...((await response.json()) as object) } as Answer;
        const limited = response.status === 429;
        const retryAfterMs = Number(response.headers.get('retry-after') ?? 1) * 1000;
        return { value, ...(limited && { limits: { limited, retryAfterMs } }) };
      } catch {
        signal.throwIfAborted();
        throw new TransientError('unreachable', `${connection} does not answer`, { connection });
      }
    });
    const { status } = answer;
    if (status === 401)
      throw new ConfigError('credentials', `${connection} refuses the token`, { connection });
    if (status === 429) throw new LimitedError(`${connection} is called too often`, 1000);
    if (status >= 500)
      throw new TransientError('server_error', `${connection} answered ${status}`, { connection });
    if (status >= 400 && method === 'GET') throw this.wrong('refused', `it answered ${status}`);
    return answer;
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
        const { guests, now } = await list.call(calls, 'GET', { limit: '1' });
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
        const { guests, next } = await list.call(calls, 'GET', query);
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
  return (await list.call(calls, 'GET', { codes })).guests;
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
          const page: Answer = await list.call(calls, 'GET', { after });
          yield page.guests.map((values) => ({ key: [values['code'] ?? null], id: null, values }));
          after = page.next;
        }
      },
      write: (operations, calls) =>
        Promise.all(operations.map((operation) => write(list, operation, calls))),
    };
  },
};

/** Writes one record. A refusal is its result, never an exception: the others go on. */
async function write(
  list: GuestList,
  { operation, key, values, idempotencyKey }: WriteOperation,
  calls: Calls,
): Promise<WriteResult> {
  const code = codeOf(key);
  const send = {
    create: () => list.call(calls, 'POST', {}, { code, ...values }, idempotencyKey),
    update: () => list.call(calls, 'PATCH', { code }, values),
    remove: () => list.call(calls, 'DELETE', { code }),
  };
  const { status, message = 'it was refused', field } = await send[operation]();
  // Gone already is as good as removed.
  if (status < 400 || (operation === 'remove' && status === 404)) return { ok: true };
  return { ok: false, class: 'record', code: `http_${status}`, message, ...(field && { field }) };
}

export default defineConnector<Settings, GuestList>({
  type: 'guests',
  title: 'A guest list',
  settings,
  // Paths of settings that nobody is shown.
  secrets: ['token'],
  // Shared by all workers. The answers teach the rest.
  quota: () => ({ requests: 20, perMs: 1000 }),
  source,
  destination,
  // No call is made here: the first one that needs the system makes it.
  connect: (said, { connection }) => new GuestList(said, connection),
});
