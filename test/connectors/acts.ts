import { randomUUID } from 'node:crypto';
import { unlimited, type Calls } from '../../src/connectors/contract/calls.ts';
import type { Connection } from '../../src/connectors/contract/connector.ts';
import type { Destination } from '../../src/connectors/contract/destination.ts';
import type { LongJob } from '../../src/connectors/contract/job.ts';
import type { JobDestination, SourceJob } from '../../src/connectors/contract/jobs.ts';
import type { Page } from '../../src/connectors/contract/page.ts';
import type {
  KeyedDestination,
  RecordDestination,
  WriteOperation,
} from '../../src/connectors/contract/records.ts';
import type { Source } from '../../src/connectors/contract/source.ts';
import type { StagingDestination } from '../../src/connectors/contract/staging.ts';
import type { Json } from '../../src/model/json.ts';
import { openDestination, openSource, suiteFields, type Harness } from './harness.ts';
import { rowsIn, suiteLayout } from './staged.ts';

/** One thing that the runtime does with a connector. It may be tried again until it is done. */
export interface Act {
  readonly name: string;
  readonly run: (calls: Calls) => Promise<unknown>;
}

/** The parts of a connector that take part in the acts. */
export interface Cast {
  readonly source: boolean;
  readonly destination: Destination['kind'] | null;
  readonly assigned?: true;
}

/** The records that the stream holds before the acts. */
export const before = [
  { code: 'a', name: 'one', note: '1' },
  { code: 'b', name: 'two', note: '2' },
  { code: 'c', name: 'three', note: '3' },
];
const after = [
  ['a', 'fresh', '1'],
  ['c', 'three', '3'],
  ['d', 'four', '4'],
];

/** Returns the records that the stream holds when all acts are done. */
export function heldAfter({ destination, assigned }: Cast): Json[][] {
  const held = before.map(({ code, name, note }) => [code, name, note]);
  return [...(destination === null ? held : after), ...(assigned ? [['e', 'five', '5']] : [])];
}

/** Everything that the runtime does with a connector, each act once the one before it is done. */
export async function* actsOf(harness: Harness, cast: Cast, link: Connection): AsyncGenerator<Act> {
  yield { name: 'check', run: (calls) => link.check(calls) };
  yield { name: 'discover', run: (calls) => link.discover(calls) };
  if (cast.source) yield* sourceActs(harness, link);
  if (cast.destination !== null) yield* destinationActs(harness, link);
  if (cast.assigned) yield* assignedActs(harness, link);
}

async function* sourceActs(harness: Harness, link: Connection): AsyncGenerator<Act> {
  const request = harness.watermarked?.() ?? harness.sourceRequest?.();
  if (request === undefined) throw new Error('the harness has no source');
  const opened: { source?: Source; job?: string } = {};
  const open = async (calls: Calls) => {
    opened.source = await openSource(harness, link, request, calls);
  };
  yield { name: 'open source', run: open };
  const { source } = opened;
  if (source === undefined) throw new Error('the source was not opened');
  const { highWatermark, settled, lookup, job } = source;
  if (highWatermark)
    yield { name: 'high watermark', run: (calls) => highWatermark.call(source, calls) };
  if (settled) yield { name: 'settled', run: (calls) => settled.call(source, '3', calls) };
  if (job)
    yield {
      name: 'export',
      async run(calls) {
        opened.job = await exported(job, wholeRead, calls);
      },
    };
  const read = (calls: Calls): Promise<Page> => {
    const limit = { records: 1000, bytes: 1e6 };
    const from = opened.job === undefined ? {} : { job: opened.job };
    return source.read({ ...wholeRead, cursor: null, limit, ...from }, calls);
  };
  yield { name: 'read', run: async (calls) => drain((await read(calls)).batches()) };
  if ((await read(unlimited)).copy)
    yield { name: 'read as copy', run: async (calls) => drain((await read(calls)).copy?.bytes()) };
  const wanted = { keyFields: ['code'], keys: [['a'], ['nobody']], fields: suiteFields };
  if (lookup)
    yield { name: 'look up in source', run: (calls) => lookup.call(source, wanted, calls) };
}

const wholeRead = { since: null, until: null, fields: suiteFields };

async function* destinationActs(harness: Harness, link: Connection): AsyncGenerator<Act> {
  const target = harness.target?.({});
  if (target === undefined) throw new Error('the harness has no target');
  const opened: { destination?: Destination } = {};
  const open = async (calls: Calls) => {
    opened.destination = await openDestination(harness, link, target, calls);
  };
  yield { name: 'open destination', run: open };
  const { destination } = opened;
  if (destination === undefined) throw new Error('the destination was not opened');
  if (destination.kind === 'staging') yield* stagingActs(destination);
  else yield* keyedActs(destination);
}

async function* keyedActs(destination: RecordDestination | JobDestination): AsyncGenerator<Act> {
  const { lookup, storedKeys, scan, finish, forget } = destination;
  if (lookup) yield { name: 'look up', run: (calls) => lookup.call(destination, [['a']], calls) };
  if (storedKeys)
    yield { name: 'stored keys', run: (calls) => storedKeys.call(destination, [['a']], calls) };
  if (scan) yield { name: 'scan', run: (calls) => drain(scan.call(destination, calls)) };
  const writes = [
    { operation: 'create', code: 'd', values: { code: 'd', name: 'four', note: '4' } },
    { operation: 'update', code: 'a', values: { name: 'fresh' } },
    { operation: 'remove', code: 'b', values: {} },
  ] as const;
  for (const { operation, code, values } of writes) {
    const id = operation === 'create' ? null : await idOf(destination, code);
    const idempotencyKey = randomUUID();
    const write = { operation, key: [code], id, values, idempotencyKey };
    if (destination.kind === 'jobs') yield* jobActs(destination, write);
    else yield { name: operation, run: (calls) => writeOne(destination, write, calls) };
  }
  if (finish)
    yield {
      name: 'finish',
      run: (calls) => finish.call(destination, 'suite-run', writes.length, calls),
    };
  if (forget)
    yield { name: 'forget', run: (calls) => forget.call(destination, 'suite-run', calls) };
}

/** As the runtime does, an attempt that finds its job submitted does not submit it again. */
async function* jobActs(destination: JobDestination, write: WriteOperation): AsyncGenerator<Act> {
  const { operation } = write;
  const submission = randomUUID();
  const submitted: { job?: string } = {};
  yield {
    name: `submit ${operation}`,
    async run(calls) {
      const found = (await destination.find?.(submission, calls)) ?? null;
      submitted.job = found ?? (await destination.submit([write], submission, calls));
    },
  };
  const { job } = submitted;
  if (job === undefined) throw new Error('no job was submitted');
  yield { name: `poll ${operation}`, run: (calls) => untilDone(destination, job, calls) };
  yield {
    name: `results ${operation}`,
    run: async (calls) => accepted(await destination.results(job, [write], calls)),
  };
}

async function* assignedActs(harness: Harness, link: Connection): AsyncGenerator<Act> {
  const target = harness.assigned?.();
  const destination = target && (await openDestination(harness, link, target));
  if (destination?.kind !== 'records') throw new Error('the harness assigns no ids');
  const values = { code: 'e', name: 'five', note: '5' };
  const idempotencyKey = randomUUID();
  const create = { operation: 'create', key: [null], id: null, values, idempotencyKey } as const;
  yield { name: 'create without a key', run: (calls) => writeOne(destination, create, calls) };
}

async function* stagingActs(destination: StagingDestination): AsyncGenerator<Act> {
  const run = randomUUID();
  const rows = [
    ['a', 'fresh', '1'],
    ['c', 'three', '3'],
    ['d', 'four', '4'],
  ] as const;
  const [first, second] = [0, 1].map((chunk) => ({ run, chunk, token: 1 }));
  if (first === undefined || second === undefined) throw new Error('there are two chunks');
  const layout = suiteLayout('json');
  yield {
    name: 'stage rows',
    run: (calls) => destination.stageRows(first, layout, rowsIn(rows), calls),
  };
  yield {
    name: 'apply',
    run: (calls) => destination.apply(first, layout, { dryRun: false }, calls),
  };
  const copied = suiteLayout('sql');
  if (destination.acceptsCopy(copied)) {
    const fields = copied.columns.map(({ field }) => field);
    const text = rows.map((row) => `${row.join('\t')}\n`).join('');
    const bytes = async function* () {
      yield Buffer.from(text);
    };
    yield {
      name: 'stage copy',
      run: (calls) => destination.stageCopy(second, copied, { fields, bytes }, calls),
    };
    yield {
      name: 'apply copy',
      run: (calls) => destination.apply(second, copied, { dryRun: false }, calls),
    };
  }
  yield { name: 'plan removal', run: (calls) => destination.planRemoval(run, calls) };
  yield { name: 'remove', run: (calls) => destination.remove(run, calls) };
  yield { name: 'apply late', run: (calls) => destination.applyLate(run, layout, calls) };
  yield { name: 'applied', run: (calls) => destination.applied(run, calls) };
  yield { name: 'clean up', run: (calls) => destination.cleanUp(run, calls) };
}

async function writeOne(
  destination: RecordDestination,
  operation: WriteOperation,
  calls: Calls,
): Promise<void> {
  accepted(await destination.write([operation], calls));
}

function accepted(results: readonly { readonly ok: boolean }[]): void {
  if (results.length === 1 && results[0]?.ok === true) return;
  throw new Error(`the operation was refused: ${JSON.stringify(results)}`);
}

/** The system's id of a record that is there; null where it has none or cannot be asked. */
async function idOf(destination: KeyedDestination, code: string): Promise<string | null> {
  const [existing] = (await destination.lookup?.([[code]], unlimited)) ?? [];
  return existing?.id ?? null;
}

/** Has a source export what one read asks for. @returns what its pages are asked with */
export async function exported(
  job: SourceJob,
  read: Parameters<SourceJob['submit']>[0],
  calls: Calls,
): Promise<string> {
  const reference = await job.submit(read, randomUUID(), calls);
  await untilDone(job, reference, calls);
  return reference;
}

/** Asks until a job is done. */
export async function untilDone(
  system: Pick<LongJob, 'poll'>,
  job: string,
  calls: Calls,
): Promise<void> {
  for (let asked = 0; asked < 1000; asked += 1) {
    const progress = await system.poll(job, calls);
    if (progress.done) return;
    await new Promise((resolve) => setTimeout(resolve, Math.min(progress.againMs ?? 1, 50)));
  }
  throw new Error('the job does not end');
}

async function drain(items: AsyncIterable<unknown> | undefined): Promise<void> {
  for await (const _ of items ?? []);
}
