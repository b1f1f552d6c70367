import { expect, it } from 'vitest';
import type { GoldenView } from '../../api/services.ts';
import { exampleEntity } from '../../api/testing/memory-services.ts';
import { entitySchema } from '../../model/entity.ts';
import { findRecords } from './find-records.ts';

const spec = entitySchema.parse(exampleEntity);

/** Returns a store of `count` records with ids from 1, every tenth of them named Acme. */
function storeOf(count: number) {
  const read: number[] = [];
  const page = async (_: string, { after = '0', limit }: { after?: string; limit: number }) => {
    const first = Number(after) + 1;
    const size = Math.max(0, Math.min(limit, count - first + 1));
    read.push(size);
    return Array.from({ length: size }, (_each, index) => recordOf(first + index));
  };
  return { golden: { page }, read };
}

function recordOf(id: number): GoldenView {
  const at = new Date(0);
  return {
    id: String(id),
    values: { name: id % 10 === 0 ? 'Acme' : 'Other' },
    ids: [{ system: 'shop', id: `s${id}` }],
    createdAt: at,
    updatedAt: at,
    deleted: false,
    mergedInto: null,
  };
}

const idsOf = ({ records }: { records: GoldenView[] }) => records.map(({ id }) => id);

it('pages without a filter, and knows the last page', async () => {
  const { golden } = storeOf(5);
  const first = await findRecords(golden, 'account', spec, { limit: 3 });
  expect([idsOf(first), first.next]).toEqual([['1', '2', '3'], '3']);
  const last = await findRecords(golden, 'account', spec, { limit: 3, after: '3' });
  expect([idsOf(last), last.next]).toEqual([['4', '5'], null]);
  const exact = await findRecords(golden, 'account', spec, { limit: 5 });
  expect([exact.records.length, exact.next]).toEqual([5, null]);
});

it('filters by an expression, every record once over all pages', async () => {
  const { golden } = storeOf(2500);
  const found: string[] = [];
  let after: string | undefined;
  do {
    const where = 'name == "Acme" && _ids.shop != "s10"';
    const page = await findRecords(golden, 'account', spec, {
      where,
      limit: 100,
      ...(after !== undefined && { after }),
    });
    found.push(...idsOf(page));
    after = page.next ?? undefined;
  } while (after !== undefined);
  expect(found).toEqual(Array.from({ length: 249 }, (_, index) => String(20 + index * 10)));
});

it('ends a page after 20,000 records that do not fit', async () => {
  const { golden, read } = storeOf(50_000);
  const page = await findRecords(golden, 'account', spec, { where: 'name == "None"', limit: 10 });
  expect(page).toEqual({ records: [], next: '20000' });
  expect(read.reduce((a, b) => a + b)).toBe(20_000);
});

it('refuses an expression that the entity cannot answer, and passes over records it fails on', async () => {
  const { golden } = storeOf(10);
  await expect(
    findRecords(golden, 'account', spec, { where: 'nam == "x"', limit: 1 }),
  ).rejects.toThrow('where: the entity has no field nam');
  const failing = await findRecords(golden, 'account', spec, { where: '1 / 0 == 1', limit: 1 });
  expect(failing).toEqual({ records: [], next: null });
});
