import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const quoted = ['examples/connector/connector.ts', 'test/connectors/example.test.ts'];

it('the guide quotes its example as it is', async () => {
  const guide = await readFile(new URL('docs/writing-a-connector.md', root), 'utf8');
  const sources = await Promise.all(quoted.map((path) => readFile(new URL(path, root), 'utf8')));
  const pieces = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, piece]) => piece ?? '');
  expect(pieces.length).toBeGreaterThan(5);
  expect(pieces.filter((piece) => !sources.some((source) => source.includes(piece)))).toEqual([]);
});
