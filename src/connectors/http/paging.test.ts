import { afterEach, describe, expect, it } from 'vitest';
import { serve, type Arrived, type Reply, type Served } from '../kit/testing/served.ts';
import { http } from './http.ts';
import { connect, readAll } from './testing/contacts.ts';

const open: Served[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

/** Contacts `c1` to `c7`, by which all lists here are made. */
const all = Array.from({ length: 7 }, (_, at) => ({ id: `c${at + 1}`, email: `${at + 1}@x.org` }));

/** The emails that a source reads from a server, three records a chunk. */
async function emailsBy(read: object, answer: (request: Arrived) => Reply): Promise<unknown[]> {
  const server = await serve(answer);
  open.push(server);
  const stream = { key: 'email', read: { path: '/contacts', records: 'data', ...read } };
  const request = { stream: 'contacts', key: ['email'], options: {} };
  const { rows } = await readAll(await connect(server.url, stream).source(request), 3);
  return rows.map(([email]) => email);
}

const everyEmail = all.map(({ email }) => email);

/** Two records after the one with an id. */
function after(id: string | null) {
  const begin = all.findIndex((one) => one.id === id) + 1;
  return { data: all.slice(begin, begin + 2), has_more: begin + 2 < all.length };
}

describe('by the last record (Stripe)', () => {
  const pagination = { type: 'last_record', size: 2, more: 'has_more' };

  it('reads every record once, and says no more than the API asks for', async () => {
    const asked: string[] = [];
    const emails = await emailsBy({ pagination }, ({ query }) => {
      asked.push(query.toString());
      return { json: after(query.get('starting_after')) };
    });
    expect(emails).toEqual(everyEmail);
    // The first page is a sample, too.
    expect(new Set(asked)).toEqual(
      new Set(['limit=2', ...['c2', 'c4', 'c6'].map((id) => `limit=2&starting_after=${id}`)]),
    );
  });

  it('goes on to an empty page where nothing says that more follow', async () => {
    const silent = { ...pagination, more: undefined, parameter: 'after', field: 'email' };
    const emails = await emailsBy({ pagination: silent }, ({ query }) => {
      const last = all.find(({ email }) => email === query.get('after'));
      return { json: { data: after(last?.id ?? null).data } };
    });
    expect(emails).toEqual(everyEmail);
  });

  it.each([
    ['the list stands still', { data: all.slice(0, 2), has_more: true }, 'same page again'],
    ['a record lacks the field', { data: [{ email: 'x' }], has_more: true }, '"id" of the last'],
    ['more is said to follow nothing', { data: [], has_more: true }, 'does not say where'],
    ['the field is no text', { data: [{ id: ['x'] }], has_more: true }, 'not a cursor'],
  ])('fails where %s (R7)', async (_, json, message) => {
    await expect(emailsBy({ pagination }, () => ({ json }))).rejects.toMatchObject({
      code: 'unexpected_answer',
      message: expect.stringContaining(message) as string,
    });
  });

  it('fails where the record is gone that the next page begins after', async () => {
    const reading = emailsBy({ pagination }, ({ query }) =>
      query.has('starting_after')
        ? { status: 400, json: { error: { param: 'starting_after' } } }
        : { json: after(null) },
    );
    await expect(reading).rejects.toMatchObject({ code: 'unexpected_answer' });
  });
});

describe('by POST', () => {
  it('writes the cursor and the size into the body (Intercom)', async () => {
    const bodies: unknown[] = [];
    const pagination = {
      type: 'cursor',
      parameter: 'pagination.starting_after',
      sizeParameter: 'pagination.per_page',
      next: 'pages.next.starting_after',
      size: 2,
    };
    const body = { query: { field: 'role', operator: '=', value: 'user' } };
    const read = { method: 'POST', body, params: { v: 2 }, pagination };
    const emails = await emailsBy(read, ({ method, query, body: text }) => {
      expect([method, query.toString()]).toEqual(['POST', 'v=2']);
      const given = JSON.parse(text) as { pagination: { starting_after?: string } };
      bodies.push(given);
      const { data, has_more } = after(given.pagination.starting_after ?? null);
      return { json: { data, pages: has_more ? { next: { starting_after: data[1]?.id } } : {} } };
    });
    expect(emails).toEqual(everyEmail);
    expect(bodies.slice(-2)).toEqual([
      { ...body, pagination: { per_page: 2, starting_after: 'c4' } },
      { ...body, pagination: { per_page: 2, starting_after: 'c6' } },
    ]);
  });

  it('fails where more is said to follow and no cursor is given (R7)', async () => {
    const pagination = { type: 'cursor', parameter: 'after', next: 'next', more: 'has_more' };
    await expect(
      emailsBy({ method: 'POST', pagination }, () => ({ json: after(null) })),
    ).rejects.toMatchObject({ code: 'unexpected_answer' });
  });

  it.each([
    ['page', { type: 'page', parameter: 'at.page', first: 0, size: 2 }],
    ['offset', { type: 'offset', parameter: 'at.offset', size: 2 }],
  ])('counts by %s in the body', async (_, pagination) => {
    const emails = await emailsBy({ method: 'POST', pagination }, ({ body }) => {
      const { at } = JSON.parse(body) as { at: { page?: number; offset?: number } };
      const begin = at.offset ?? (at.page ?? 0) * 2;
      return { json: { data: all.slice(begin, begin + 2) } };
    });
    expect(emails).toEqual(everyEmail);
  });

  it('writes the watermark into the body, as a number where there is one (HubSpot, Intercom)', async () => {
    const bodies: string[] = [];
    const server = await serve(({ body }) => {
      bodies.push(body);
      return { json: { data: [{ ...all[0], at: 1700000000 }] } };
    });
    open.push(server);
    const filter = { propertyName: 'at', operator: 'GTE', value: 0 };
    const read = {
      path: '/contacts',
      method: 'POST',
      records: 'data',
      body: { filterGroups: [{ filters: [filter] }], since: '' },
      incremental: { parameter: 'filterGroups.0.filters.0.value' },
    };
    const contacts = (more: object) =>
      connect(server.url, { read: { ...read, ...more } }).source({
        stream: 'contacts',
        key: ['email'],
        options: {},
        watermark: 'at',
      });
    await readAll(await contacts({}), 9, { since: '1700000000' });
    expect(bodies.at(-1)).toContain('"value":1700000000');
    await readAll(await contacts({ incremental: { parameter: 'since' } }), 9, { since: '17' });
    expect(bodies.at(-1)).toContain('"since":"17"');
    expect(bodies.at(-1)).toContain('"value":0');
  });

  it('refuses a body without POST, and links by POST', () => {
    expect(() => parse({ path: '/a', body: {} })).toThrow('only a POST has a body');
    const pagination = { type: 'link' };
    expect(() => parse({ path: '/a', method: 'POST', pagination })).toThrow('asked for by GET');
  });
});

function parse(read: object) {
  return http.settings.parse({ url: 'https://x.test', streams: { s: { read } } });
}
