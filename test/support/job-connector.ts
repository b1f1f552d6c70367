import {
  allModes,
  ConfigError,
  defineConnector,
  jobLost,
  nearestOf,
  TransientError,
  z,
  type Calls,
  type Connection,
  type Existing,
  type Field,
  type JobDestination,
  type JobProgress,
  type JobReference,
  type JsonObject,
  type KeyValues,
  type LongJob,
  type Page,
  type PageEnd,
  type PageRequest,
  type RecordBatch,
  type Source,
  type SourceJob,
  type SourceRequest,
  type StreamInfo,
  type Target,
  type WriteOperation,
  type WriteResult,
} from 'sluice';
import { JobClient } from './job-client.ts';
import type { JobKind, JobView } from './job-queue.ts';

const settingsSchema = z.strictObject({
  url: z.string().describe('Where the job system is.'),
  token: z.string().describe('What it knows its callers by.'),
  batch: z.int().positive().default(10_000).describe('Most records of one job. Default 10000.'),
});

type Settings = z.infer<typeof settingsSchema>;

/** Why an export does not come in the order of a watermark. */
const unsorted = 'an export comes in the order of its codes';

/**
 * A system that takes and gives records as long jobs: `startJobSystem`. Like any connector from outside it takes classes from
 * `sluice` alone: those of another copy of the sources would not be known where a worker loads it.
 */
export const jobSystem = defineConnector<Settings, Link>({
  type: 'job-system',
  title: 'A system of the tests that takes and gives records as long jobs',
  settings: settingsSchema,
  secrets: ['token'],
  source: { sortsByWatermark: () => unsorted, open: openSource },
  destination: {
    modes: () => allModes,
    removals: () => ['archive', 'delete'],
    open: openDestination,
  },
  connect: (settings, { connection }) => new Link(settings, connection),
});

class Link implements Connection {
  readonly client: JobClient;
  readonly batch: number;
  readonly connection: string;

  constructor({ url, token, batch }: Settings, connection: string) {
    this.client = new JobClient({ url, token, connection });
    this.batch = batch;
    this.connection = connection;
  }

  async check(calls: Calls): Promise<void> {
    await this.discover(calls);
  }

  async discover(calls: Calls): Promise<StreamInfo[]> {
    const objects = await this.client.get<{ name: string; fields: Field[] }[]>(calls, 'objects');
    return objects.map((object) => ({ ...object, primaryKey: ['id'] }));
  }

  /** @throws ConfigError `unknown_stream`, `unknown_field` */
  async fieldsOf(stream: string, names: readonly string[], calls: Calls): Promise<Field[]> {
    const streams = await this.discover(calls);
    const found = streams.find(({ name }) => name === stream);
    if (found === undefined) {
      const near = nearestOf(
        stream,
        streams.map(({ name }) => name),
      );
      throw this.refusal('unknown_stream', `there is no object "${stream}"${near}`);
    }
    const known = found.fields.map(({ name }) => name);
    const unknown = names.find((name) => !known.includes(name));
    if (unknown === undefined) return [...found.fields];
    const near = nearestOf(unknown, known);
    throw this.refusal('unknown_field', `"${stream}" has no field "${unknown}"${near}`);
  }

  async close(): Promise<void> {}

  refusal(code: string, message: string): ConfigError {
    const { connection } = this;
    return new ConfigError(code, `${connection}: ${message}`, { connection });
  }

  /** Finds the jobs of a kind, and asks about them. */
  jobs(kind: JobKind): Required<LongJob> {
    return {
      find: (submission, calls) => this.#find(kind, submission, calls),
      poll: (job, calls) => this.#poll(kind, job, calls),
    };
  }

  /** Aborts a job that was made and never started, so that whoever was about to start it no longer can. */
  async #find(kind: JobKind, submission: string, calls: Calls): Promise<JobReference | null> {
    const path = `jobs/${kind}?name=${encodeURIComponent(submission)}`;
    const { jobs } = await this.client.get<{ jobs: JobView[] }>(calls, path);
    for (const { id, state } of jobs) {
      if (state === 'Aborted') continue;
      if (state !== 'Open') return id;
      await this.client.send(calls, 'PATCH', `jobs/${kind}/${id}`, { state: 'Aborted' });
    }
    return null;
  }

  async #poll(kind: JobKind, job: JobReference, calls: Calls): Promise<JobProgress> {
    const view = await this.client.find<JobView>(calls, `jobs/${kind}/${encodeURIComponent(job)}`);
    if (view === null || view.state === 'Aborted') throw this.#lost();
    return { done: view.state === 'JobComplete' };
  }

  /** Reads what a finished job has left, such as `results?locator=0`. @throws TransientError `job_lost` */
  async left<T>(kind: JobKind, job: JobReference, path: string, calls: Calls): Promise<T> {
    const found = await this.client.find<T>(calls, `jobs/${kind}/${job}/${path}`);
    if (found === null) throw this.#lost();
    return found;
  }

  #lost(): TransientError {
    const { connection } = this;
    return new TransientError(jobLost, `${connection}: a job is gone`, { connection });
  }
}

async function openSource(link: Link, request: SourceRequest, calls: Calls): Promise<Source> {
  const { stream, watermark } = request;
  if (request.order === 'watermark')
    throw link.refusal('unsupported_order', `${stream} cannot be read in order: ${unsorted}`);
  const fields = await link.fieldsOf(stream, watermark === undefined ? [] : [watermark], calls);
  const { client } = link;
  const path = `records/${stream}`;
  return {
    encoding: 'json',
    fields,
    uniqueBy: ['code'],
    ...(watermark !== undefined && {
      async highWatermark(asking: Calls) {
        const field = encodeURIComponent(watermark);
        const { value } = await client.get<{ value: string | null }>(
          asking,
          `${path}?highest=${field}`,
        );
        return value;
      },
    }),
    job: { ...link.jobs('query'), submit: exportOf(link, stream, watermark) },
    read: (page, reading) => readPage(link, page, fields, reading),
    async lookup({ keyFields, keys, fields: wanted }, asking) {
      const found = await findByKeys(client, path, keyFields, keys, asking);
      return batchOf(
        found.filter(({ archived }) => !archived).map((each) => each.fields),
        wanted,
        fields,
      );
    },
  };
}

function exportOf(link: Link, object: string, watermark: string | undefined): SourceJob['submit'] {
  return async ({ since, until, fields }, name, calls) => {
    const range = watermark !== undefined && {
      range: {
        field: watermark,
        ...(since !== null && { from: since }),
        ...(since !== null && until !== null && { to: until }),
      },
    };
    const spec = { object, name, fields, ...range };
    const { id } = await link.client.send<JobView>(calls, 'POST', 'jobs/query', spec);
    return id;
  };
}

/** Reads a page of an export: its place is the cursor. */
async function readPage(
  link: Link,
  { job, cursor, fields, limit }: PageRequest,
  known: readonly Field[],
  calls: Calls,
): Promise<Page> {
  if (job === undefined) throw new Error('the pages come from a job');
  let end: PageEnd | undefined;
  return {
    async *batches() {
      const most = Math.max(1, Math.floor(limit.records));
      const path = `results?maxRecords=${most}&locator=${cursor ?? 0}`;
      const { records, locator } = await link.left<ExportPage>('query', job, path, calls);
      const bytes = JSON.stringify(records).length;
      yield batchOf(records, fields, known);
      calls.signal.throwIfAborted();
      end = { cursor: locator, records: records.length, bytes };
    },
    end() {
      if (end === undefined) throw new Error('the page was not read to its end');
      return end;
    },
  };
}

interface ExportPage {
  readonly records: JsonObject[];
  readonly locator: string | null;
}

function batchOf(
  records: readonly JsonObject[],
  names: readonly string[],
  known: readonly Field[],
): RecordBatch {
  const field = (name: string): Field =>
    known.find((each) => each.name === name) ?? { name, type: 'unknown' };
  const rows = records.map((record) => names.map((name) => record[name]));
  return { encoding: 'json', fields: names.map(field), rows };
}

interface Found {
  readonly fields: JsonObject;
  readonly archived: boolean;
}

/** The records with these keys; of a key of several fields, the first one is asked for and the others are compared. */
async function findByKeys(
  client: JobClient,
  path: string,
  keyFields: readonly string[],
  keys: readonly KeyValues[],
  calls: Calls,
): Promise<Found[]> {
  const [field = ''] = keyFields;
  const values = keys.map(([first]) => first);
  const found = await client.send<Found[]>(calls, 'POST', path, { field, values });
  const wanted = new Set(keys.map((key) => JSON.stringify(key)));
  return found.filter((each) => wanted.has(JSON.stringify(keyOf(each.fields, keyFields))));
}

function keyOf(fields: JsonObject, names: readonly string[]): KeyValues {
  return names.map((name) => fields[name] ?? null);
}

async function openDestination(link: Link, target: Target, calls: Calls): Promise<JobDestination> {
  const { stream, key, removal = 'archive' } = target;
  if (target.id !== undefined && target.id !== 'id')
    throw link.refusal('invalid_id', 'the field "id" holds the id of a record');
  const all = await link.fieldsOf(stream, [...key, ...target.fields], calls);
  const { client, batch } = link;
  const path = `records/${stream}`;
  const existing = ({ fields, archived }: Found): Existing => ({
    key: keyOf(fields, key),
    id: idOf(fields),
    values: pick(fields, target.fields),
    ...(archived && { archived }),
  });
  return {
    kind: 'jobs',
    fields: all,
    leastRecords: 1,
    batch: { create: batch, update: batch, remove: batch },
    idempotentCreate: false,
    lookupBatch: 200,
    ...link.jobs('ingest'),
    async lookup(keys, asking) {
      return (await findByKeys(client, path, key, keys, asking)).map(existing);
    },
    async *scan(asking) {
      for (let from: number | null = 0; from !== null;) {
        const page: RecordPage = await client.get(asking, `${path}?from=${from}`);
        if (page.records.length > 0)
          yield page.records.map((fields) => existing({ fields, archived: false }));
        asking.signal.throwIfAborted();
        from = page.next;
      }
    },
    async submit(operations, submission, asking) {
      const kind = kinds[operations[0]?.operation ?? 'create'] ?? removals[removal];
      const job = { object: stream, name: submission, operation: kind };
      const { id } = await client.prepare<JobView>(asking, 'POST', 'jobs/ingest', job);
      const rows = operations.map((operation) => rowOf(operation, key));
      await client.prepare(asking, 'PUT', `jobs/ingest/${id}/batches`, rows);
      // Only now does the job run: until here, whoever finds it aborts it.
      await client.send(asking, 'PATCH', `jobs/ingest/${id}`, { state: 'UploadComplete' });
      return id;
    },
    async results(job, operations, asking) {
      const answer = await link.left<{ records: JobResult[] }>('ingest', job, 'results', asking);
      return operations.map((_, at) => resultOf(answer.records[at]));
    },
  };
}

interface RecordPage {
  readonly records: JsonObject[];
  readonly next: number | null;
}

interface JobResult {
  readonly success: boolean;
  readonly id?: string;
  readonly error?: string;
  readonly message?: string;
}

const kinds: Readonly<Partial<Record<WriteOperation['operation'], string>>> = {
  create: 'insert',
  update: 'update',
};
const removals = { archive: 'archive', delete: 'delete' } as const;

function rowOf({ id, key, values }: WriteOperation, names: readonly string[]): JsonObject {
  const given = names.flatMap((name, at) => {
    const value = key[at] ?? null;
    return value === null ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(given), ...values, ...(id !== null && { id }) };
}

function resultOf(result: JobResult | undefined): WriteResult {
  if (result?.success === true)
    return { ok: true, ...(result.id !== undefined && { id: result.id }) };
  const { error: code = 'no_result', message = 'the job told nothing of the record' } =
    result ?? {};
  return { ok: false, class: 'record', code, message };
}

function idOf({ id }: JsonObject): string | null {
  return typeof id === 'string' ? id : null;
}

function pick(fields: JsonObject, names: readonly string[]): JsonObject {
  const held = names.filter((name) => Object.hasOwn(fields, name));
  return Object.fromEntries(held.map((name) => [name, fields[name] ?? null]));
}
