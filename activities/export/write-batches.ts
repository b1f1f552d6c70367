import type { KeyedDestination, WriteOperation } from '../../src/connectors/contract/records.ts';
import type { DecidedOperation } from '../../src/engine/match/match.ts';
import type { Steps } from '../../src/engine/run/steps.ts';
import type { Operation } from '../../src/model/outcome.ts';
import type { ChunkOwner } from './chunk-log.ts';

/** An operation with its place in the chunk. */
export interface Numbered extends WriteOperation, DecidedOperation {
  readonly seq: number;
}

/** Operations of one kind that go out in one call. */
export interface WriteBatch {
  readonly kind: Operation;
  readonly operations: readonly Numbered[];
  /** How often the destination failed on them. */
  readonly tries: number;
  /** Left over from calls that were answered record by record: may go together with others. */
  readonly leftOver?: boolean;
  /** When the destination first failed on them. */
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

/** Cuts operations into jobs of the destination's size. */
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

/** Puts what is left over from several calls together again. */
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

/** A job as two. */
export function halves(job: WriteBatch): WriteBatch[] {
  const middle = Math.ceil(job.operations.length / 2);
  return [
    { ...job, operations: job.operations.slice(0, middle) },
    { ...job, operations: job.operations.slice(middle) },
  ];
}
