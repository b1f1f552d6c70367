import { describe, expect, it } from 'vitest';
import { http } from './http.ts';
import { connect, destinationOf } from './testing/contacts.ts';

const nowhere = 'http://127.0.0.1:1';
const facts = {
  email: { type: 'text', required: true, unique: true },
  name: 'text',
  address: 'json',
  rating: { type: 'text', label: 'Account Rating', values: ['Hot', 'Cold'] },
  created_at: { type: 'timestamptz', creatable: false, updatable: false },
  code: { updatable: false },
};
const stream = { key: 'email', fields: facts, create: { path: '/contacts' }, leastRecords: 100 };

const known = [
  { name: 'email', type: 'text', required: true, unique: true },
  { name: 'name', type: 'text' },
  { name: 'address', type: 'json' },
  { name: 'rating', type: 'text', label: 'Account Rating', values: ['Hot', 'Cold'] },
  { name: 'created_at', type: 'timestamptz', creatable: false, updatable: false },
  { name: 'code', type: 'unknown', updatable: false },
];

describe('facts of fields', () => {
  it('are told when a stream is discovered and when it is opened, for the run to check', async () => {
    const [found] = await connect(nowhere, stream).discover();
    expect(found?.fields).toEqual(known);
    const destination = await destinationOf(nowhere, stream);
    expect(destination.fields).toEqual(known);
  });

  it('leave out of a whole copy what the API makes itself', async () => {
    const destination = await destinationOf(nowhere, stream, {}, undefined, { copied: true });
    expect(destination.leavesOut).toEqual(['created_at']);
  });

  it.each([
    ['an empty list of values', { values: [] }, 'values'],
    ['what a create must and cannot set', { required: true, creatable: false }, 'cannot set'],
    ['a fact that there is not', { type: 'text', mandatory: true }, 'mandatory'],
  ])('refuse %s', (_, field, message) => {
    const streams = { s: { fields: { field } } };
    expect(() => http.settings.parse({ url: nowhere, streams })).toThrow(message);
  });
});

describe('the fewest records', () => {
  it('are told for the guard of removals', async () => {
    expect((await destinationOf(nowhere, stream)).leastRecords).toBe(100);
    const { leastRecords: _, ...without } = stream;
    expect(await destinationOf(nowhere, without)).not.toHaveProperty('leastRecords');
  });
});
