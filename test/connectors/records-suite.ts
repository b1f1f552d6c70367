import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import type { RecordDestination, WriteOperation } from '../../src/connectors/destination.ts';
import type { Json, JsonObject } from '../../src/model/json.ts';
import type { Operation } from '../../src/model/outcome.ts';
import { heldRecords as held, type Harness } from './harness.ts';

/** What every destination that takes records must do. */
export function recordsSuite(harness: () => Harness): void {
  it('creates, updates and removes, and leaves other fields and records alone', async () => {
    await harness().seed([
      { code: 'keep', name: 'k', note: 'kept' },
      { code: 'edit', name: 'old', note: 'kept' },
      { code: 'gone', name: 'g', note: 'n' },
    ]);
    await withDestination(harness(), async (destination) => {
      await write(destination, 'create', 'new', { name: 'Zoë 木\t"x"', note: '' });
      await write(destination, 'update', 'edit', { name: 'fresh' });
      await write(destination, 'remove', 'gone', {});
      await destination.finish?.('run');
      await destination.finish?.('run');
    });
    expect(await held(harness())).toEqual([
      ['edit', 'fresh', 'kept'],
      ['keep', 'k', 'kept'],
      ['new', 'Zoë 木\t"x"', ''],
    ]);
  });

  it('finds what it holds by key, before and after it wrote', async () => {
    await harness().seed([{ code: 'a', name: 'first', note: 'n' }]);
    await withDestination(harness(), async (destination) => {
      if (destination.lookup === undefined) return;
      const [found, ...more] = await destination.lookup([['a'], ['nobody']]);
      expect(more).toEqual([]);
      expect(found?.key).toEqual(['a']);
      expect(found?.values).toMatchObject({ name: 'first', note: 'n' });
      await write(destination, 'update', 'a', { name: 'second' });
      const [after] = await destination.lookup([['a']]);
      expect(after?.values).toMatchObject({ name: 'second' });
    });
  });

  it('scans every record', async () => {
    const codes = ['a', 'b', 'c', 'd', 'e'];
    await harness().seed(codes.map((code) => ({ code, name: 'n', note: 'n' })));
    await withDestination(harness(), async (destination) => {
      if (destination.scan === undefined) return;
      const keys: Json[] = [];
      for await (const page of destination.scan()) keys.push(...page.flatMap(({ key }) => key));
      expect(new Set(keys)).toEqual(new Set(codes));
      expect(keys).toHaveLength(codes.length);
    });
  });

  it('takes the same create twice without a second record, if it says so', async () => {
    await harness().seed([]);
    await withDestination(harness(), async (destination) => {
      if (!destination.idempotentCreate) return;
      const operation = await operationOf(destination, 'create', 'a', { name: 'n', note: 'm' });
      await destination.write([operation]);
      await destination.write([operation]);
      await destination.finish?.('run');
      expect(await held(harness())).toEqual([['a', 'n', 'm']]);
    });
  });

  it('isolates a refused record', async ({ skip }) => {
    const { refused } = harness();
    if (refused === undefined) {
      skip();
      return;
    }
    await harness().seed([]);
    await withDestination(harness(), async (destination) => {
      const bad = await operationOf(destination, 'create', 'bad', refused);
      const good = await operationOf(destination, 'create', 'good', { name: 'n', note: 'm' });
      // One by one, as the exporter does once a call failed as a whole.
      const codes = await outcome(destination, bad);
      expect(codes).toBe('record');
      expect(await outcome(destination, good)).toBe('ok');
      await destination.finish?.('run');
    });
    expect(await held(harness())).toEqual([['good', 'n', 'm']]);
  });
}

async function outcome(destination: RecordDestination, operation: WriteOperation): Promise<string> {
  try {
    const [result] = await destination.write([operation]);
    if (result === undefined) return 'no result';
    return result.ok ? 'ok' : result.class;
  } catch (error) {
    return error instanceof Error && error.name === 'RejectedError' ? 'record' : String(error);
  }
}

async function write(
  destination: RecordDestination,
  operation: Operation,
  code: string,
  values: JsonObject,
): Promise<void> {
  const results = await destination.write([
    await operationOf(destination, operation, code, values),
  ]);
  expect(results.map((result) => result.ok)).toEqual([true]);
}

async function operationOf(
  destination: RecordDestination,
  operation: Operation,
  code: string,
  values: JsonObject,
): Promise<WriteOperation> {
  const [existing] = (operation === 'create' ? [] : await destination.lookup?.([[code]])) ?? [];
  const isUpdate = operation === 'update' && existing !== undefined;
  return {
    operation,
    key: [code],
    id: existing?.id ?? null,
    values: operation === 'create' ? { code, ...values } : values,
    ...(isUpdate ? { before: existing.values } : {}),
    idempotencyKey: randomUUID(),
  };
}

async function withDestination(
  harness: Harness,
  use: (destination: RecordDestination) => Promise<void>,
): Promise<void> {
  const connection = harness.connect();
  try {
    const target = harness.target?.({});
    const destination = target && (await connection.destination?.(target));
    if (destination?.kind !== 'records') throw new Error('the connector takes no records');
    await use(destination);
  } finally {
    await connection.close();
  }
}
