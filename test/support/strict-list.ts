import type { Fields } from './strict-collection.ts';

/**
 * Returns a page of a list. Parameters: `?page=` (from 1), `?offset=` or `?cursor=`, with `per_page=` or `limit=`. The
 * order is that of creation, or by `sort=` a field (`-` before it: descending), records without that field last.
 * `updated_since=` leaves out older records, `note_since=` those with a lower note. The body is `{ data, next, more }`,
 * where `next` is the cursor; the `Link` header names the next page.
 */
export function listPage(all: readonly Fields[], url: URL, most: number) {
  const query = url.searchParams;
  const records = selected(all, query);
  const size = Math.min(most, number(query.get('per_page') ?? query.get('limit'), most));
  const start = startOf(query, size);
  const data = records.slice(start, start + size);
  const more = start + size < records.length;
  const next = more ? `after-${start + size}` : null;
  const link = new URL(url);
  for (const name of ['page', 'offset']) link.searchParams.delete(name);
  link.searchParams.set('cursor', next ?? '');
  return {
    status: 200,
    body: { data, next, more },
    headers: more ? { link: `<${link.pathname}${link.search}>; rel="next"` } : {},
  };
}

function selected(all: readonly Fields[], query: URLSearchParams): readonly Fields[] {
  const since = query.get('updated_since');
  const lowest = query.get('note_since');
  const isChosen = (one: Fields): boolean =>
    (since === null || String(one['updated_at']) > since) &&
    (lowest === null || typeof one['note'] !== 'string' || one['note'] >= lowest);
  const chosen = since === null && lowest === null ? all : all.filter(isChosen);
  const sort = query.get('sort');
  return sort === null ? chosen : sortedBy(chosen, sort.replace(/^-/, ''), sort.startsWith('-'));
}

function sortedBy(records: readonly Fields[], field: string, down: boolean): Fields[] {
  const has = (one: Fields): boolean => typeof one[field] === 'string';
  const low = (a: Fields, b: Fields): boolean => String(a[field]) < String(b[field]);
  const dated = records
    .filter(has)
    .toSorted((a, b) => (low(a, b) ? -1 : low(b, a) ? 1 : 0) * (down ? -1 : 1));
  return [...dated, ...records.filter((one) => !has(one))];
}

function startOf(query: URLSearchParams, size: number): number {
  const cursor = query.get('cursor');
  if (cursor) return number(cursor.replace('after-', ''), 0);
  const page = query.get('page');
  return page === null ? number(query.get('offset'), 0) : (number(page, 1) - 1) * size;
}

function number(text: string | null, otherwise: number): number {
  const value = Number(text ?? Number.NaN);
  return Number.isInteger(value) && value >= 0 ? value : otherwise;
}
