import type { DirectRecords } from '../../src/connectors/testing/direct.ts';
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import type { WriteOperation, WriteResult } from '../../src/connectors/contract/records.ts';
import type { Json, JsonObject } from '../../src/model/json.ts';
import type { Operation } from '../../src/model/outcome.ts';
import { connectTo, heldRecords as held, type Harness } from './harness.ts';

/** Tests the duties of every destination that takes records. */
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
      await destination.finish?.('run', 3);
      await destination.finish?.('run', 3);
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
      await destination.finish?.('run', 1);
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
      await destination.finish?.('run', 1);
    });
    expect(await held(harness())).toEqual([['good', 'n', 'm']]);
  });
}

/** What every destination must do that tells the ids its system assigns. */
export function assignedSuite(harness: () => Harness): void {
  it('creates without a key, tells the ids, and finds, updates and removes by them', async () => {
    await harness().seed([{ code: 'keep', name: 'k', note: 'kept' }]);
    await withAssigned(harness(), async (destination) => {
      const make = async (code: string) =>
        idOf(await send(destination, created({ code, name: code, note: null })));
      const [a, b, c] = [await make('a'), await make('b'), await make('c')];
      expect(new Set([a, b, c]).size).toBe(3);
      const found = (await destination.lookup?.([[a], [b], ['999999']])) ?? [];
      const codes = found.map(({ id, values }) => [id, values['code']] as const);
      expect(new Map(codes)).toEqual(
        new Map([
          [a, 'a'],
          [b, 'b'],
        ]),
      );
      const update = { ...created({ name: 'fresh' }), operation: 'update', id: b } as const;
      // Addressed by its id, whatever its key.
      for (const key of [[b], [null]]) {
        const name = `fresh ${key[0]}`;
        expect(idOf(await send(destination, { ...update, key, values: { name } }))).toBe(b);
      }
      const remove = { ...created({}), operation: 'remove', id: a, key: [a] } as const;
      expect(await send(destination, remove)).toEqual({ ok: true, id: a });
      const gone = await send(destination, { ...update, id: a, key: [a] });
      expect(gone).toMatchObject({ ok: false, class: 'record' });
      expect(await send(destination, remove)).toEqual({ ok: true, id: a });
    });
    expect(await held(harness())).toEqual([
      ['b', 'fresh null', null],
      ['c', 'c', null],
      ['keep', 'k', 'kept'],
    ]);
  });

  it('tells each of many creates its own id', async () => {
    await harness().seed([]);
    await withAssigned(harness(), async (destination) => {
      const size = Math.min(destination.batch.create, 250);
      const codes = Array.from({ length: size }, (_, at) => `c${at}`);
      const results = await destination.write(
        codes.map((code, at) => created(at % 3 === 0 ? { code } : { code, name: 'n' })),
      );
      const ids = results.map(idOf);
      const found = (await destination.lookup?.(ids.map((id) => [id]))) ?? [];
      const codeOf = new Map(found.map(({ id, values }) => [id, values['code']]));
      expect(ids.map((id) => codeOf.get(id))).toEqual(codes);
    });
  });

  it('answers a repeated create with the first id, if it says so', async () => {
    await harness().seed([]);
    const create = created({ code: 'a', name: 'n', note: 'm' });
    const ids: string[] = [];
    for (let attempt = 0; attempt < 2; attempt += 1)
      await withAssigned(harness(), async (destination) => {
        if (!destination.idempotentCreate && attempt > 0) return;
        ids.push(idOf(await send(destination, create)));
      });
    expect(new Set(ids).size).toBe(1);
    expect(await held(harness())).toEqual([['a', 'n', 'm']]);
  });
}

function created(values: JsonObject): WriteOperation {
  return { operation: 'create', key: [null], id: null, values, idempotencyKey: randomUUID() };
}

async function send(
  destination: DirectRecords,
  operation: WriteOperation,
): Promise<WriteResult | undefined> {
  const [result] = await destination.write([operation]);
  return result;
}

function idOf(result: WriteResult | undefined): string {
  if (!result?.ok || result.id === undefined) throw new Error(JSON.stringify(result));
  return result.id;
}

async function outcome(destination: DirectRecords, operation: WriteOperation): Promise<string> {
  try {
    const [result] = await destination.write([operation]);
    if (result === undefined) return 'no result';
    return result.ok ? 'ok' : result.class;
  } catch (error) {
    return error instanceof Error && error.name === 'RejectedError' ? 'record' : String(error);
  }
}

async function write(
  destination: DirectRecords,
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
  destination: DirectRecords,
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

function withAssigned(
  harness: Harness,
  use: (destination: DirectRecords) => Promise<void>,
): Promise<void> {
  return withDestination(harness, use, harness.assigned?.());
}

async function withDestination(
  harness: Harness,
  use: (destination: DirectRecords) => Promise<void>,
  target = harness.target?.({}),
): Promise<void> {
  const connection = connectTo(harness);
  try {
    const destination = target && (await connection.destination?.(target));
    if (destination?.kind !== 'records') throw new Error('the connector takes no records');
    await use(destination);
  } finally {
    await connection.close();
  }
}
