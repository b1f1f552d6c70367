import { expect, test } from 'vitest';
import { own, setOwn } from './own.ts';
import { syncSchema } from './sync.ts';

const names = ['constructor', '__proto__', 'toString', 'hasOwnProperty'];

test('a name that every object knows is only there when it was set', () => {
  for (const name of names) {
    const object: Record<string, number> = {};
    expect(own(object, name)).toBeUndefined();
    setOwn(object, name, 1);
    expect(own(object, name)).toBe(1);
    expect(JSON.parse(JSON.stringify(object))).toEqual(JSON.parse(`{"${name}":1}`));
  }
});

test('fields of a sync may have any name', () => {
  const end = { connection: 'a', stream: 's', key: 'id' };
  const fields = JSON.parse(
    '{"constructor":"toString","__proto__":{"expr":"a"},"toString":{"value":1}}',
  ) as object;
  const sync = syncSchema.parse({ source: end, destination: end, mode: 'upsert', fields });
  expect(JSON.stringify(sync.fields)).toBe(JSON.stringify(fields));
  const unnamed = { source: end, destination: end, mode: 'upsert', fields: { '': 'a' } };
  expect(syncSchema.safeParse(unnamed).success).toBe(false);
});
