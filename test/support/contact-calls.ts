/** The options in `streams.contacts` of an http connection that describe the strict API's calls. */
const lookup = {
  path: '/contacts/lookup',
  method: 'POST',
  batch: 100,
  body: { keys: '{keys}' },
  records: 'records',
};
const single = { create: { path: '/contacts' }, update: { path: '/contacts/{key}' } };
const bulk = { size: 100, wrap: 'records' };

/** One record a call, created by POST; a second create of a key is refused. */
export const singleCalls = { key: 'email', id: 'id', ...single };

/** A hundred records a call, each with its own answer. */
export const bulkCalls = {
  key: 'email',
  id: 'id',
  upsert: {
    path: '/contacts/bulk',
    method: 'POST',
    bulk: { ...bulk, results: 'results', id: 'id' },
  },
};

/** A hundred records a call, which is refused as a whole if one of them is. */
export const atomicCalls = {
  key: 'email',
  id: 'id',
  upsert: { path: '/contacts/atomic', method: 'POST', bulk },
};

/** Returns the same calls with a lookup of records. */
export function readable<T extends object>(calls: T): T & { lookup: typeof lookup } {
  return { ...calls, lookup };
}
