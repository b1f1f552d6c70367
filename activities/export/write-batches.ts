import type { KeyedDestination, WriteOperation } from '../../src/connectors/contract/records.ts';
import type { DecidedOperation } from '../../src/engine/match/match.ts';
import type { Steps } from '../../src/engine/run/steps.ts';
import type { Operation } from '../../src/model/outcome.ts';
import type { ChunkOwner } from './chunk-log.ts';

/** An operation with its place in the chunk. */
export interface Numbered extends WriteOperation, DecidedOperation {
  readonly seq: number;
}

/** Operations of one kind that are sent in one call. */
export interface WriteBatch {
  readonly kind: Operation;
  readonly operations: readonly Numbered[];
  /** The number of times that the destination failed on them. */
  readonly tries: number;
  /** True for the rest of a call that was answered record by record: it may be sent together with other such rests. */
  readonly leftOver?: boolean;
  /** The time of the destination's first failure on them, by `performance.now()`. */
  failedAt?: number;
}

/** Gives a chunk's operations their numbers, and the idempotency keys that they keep on every attempt. */
export function* numberOperations(
  planned: readonly DecidedOperation[],
  { run, no }: ChunkOwner,
): Steps<Numbered[]> {
  const operations: Numbered[] = [];
  for (const [seq, operation] of planned.entries()) {
    operations.push({ ...operation, seq, idempotencyKey: `${run}-${no}-${seq}`, chunk: no });
    yield;
  }
  return operations;
}

/** Cuts operations into batches of the destination's size: removes, then updates, then creates. */
export function intoBatches(
  operations: readonly Numbered[],
  size: KeyedDestination['batch'],
  tries = 0,
): WriteBatch[] {
  return (['remove', 'update', 'create'] as const).flatMap((kind) => {
    const same = operations.filter(({ operation }) => operation === kind);
    const count = Math.ceil(same.length / size[kind]);
    return Array.from({ length: count }, (_, at) => ({
      kind,
      operations: same.slice(at * size[kind], (at + 1) * size[kind]),
      tries,
    }));
  });
}

/** Joins the rests of several calls to full batches again. */
export function regrouped(
  jobs: readonly WriteBatch[],
  size: KeyedDestination['batch'],
): WriteBatch[] {
  const whole = jobs.filter(({ leftOver }) => leftOver !== true);
  const rest = jobs.filter(({ leftOver }) => leftOver === true);
  const tries = [...new Set(rest.map((job) => job.tries))];
  const again = tries.flatMap((count) =>
    intoBatches(
      rest.filter((job) => job.tries === count).flatMap(({ operations }) => operations),
      size,
      count,
    ),
  );
  return [...whole, ...again];
}

/** Cuts a batch into two. */
export function halves(job: WriteBatch): WriteBatch[] {
  const middle = Math.ceil(job.operations.length / 2);
  return [
    { ...job, operations: job.operations.slice(0, middle) },
    { ...job, operations: job.operations.slice(middle) },
  ];
}
