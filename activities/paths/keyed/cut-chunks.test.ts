import { expect, test } from 'vitest';
import type { RecordBatch } from '../../../src/model/record.ts';
import { cutChunks } from './cut-chunks.ts';

const fields = [{ name: 'id', type: 'integer' } as const, { name: 'text', type: 'text' } as const];
const limit = { records: 4, bytes: 1000, record: 600 };

test('chunks end at the first limit that is met; a record too large is marked and keeps its key', async () => {
  const rows = [10, 10, 10, 10, 10, 550, 500, 5000, 10].map((size, id) => [id, 'x'.repeat(size)]);
  const chunks = await cut([batch(rows.slice(0, 2)), batch(rows.slice(2))]);
  expect(chunks.map((chunk) => chunk.flatMap((part) => part.rows.map(([id]) => id)))).toEqual([
    [0, 1, 2, 3],
    [4, 5],
    [6, 7, 8],
  ]);
  const [last] = chunks[2] ?? [];
  expect(last?.faults).toMatchObject([{ row: 1, code: 'too_large' }]);
  expect(last?.rows[1]).toEqual([7, null]);
});

test('faults that the source told keep their rows across chunks; no records are one empty chunk', async () => {
  const told = { row: 5, code: 'too_large', message: 'told' };
  const rows = Array.from({ length: 6 }, (_, id) => [id, null]);
  const chunks = await cut([{ ...batch(rows), faults: [told] }]);
  expect(chunks.map((chunk) => chunk[0]?.faults)).toEqual([[], [{ ...told, row: 1 }]]);
  expect(await cut([])).toEqual([[]]);
});

function batch(rows: RecordBatch['rows']): RecordBatch {
  return { encoding: 'json', fields, rows };
}

async function cut(batches: RecordBatch[]): Promise<RecordBatch[][]> {
  async function* given() {
    yield* batches;
  }
  const chunks: RecordBatch[][] = [];
  for await (const chunk of cutChunks(given(), limit)) chunks.push(chunk);
  return chunks;
}
