import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { projectJsonSchema } from './json-schema.ts';

it('the committed JSON Schema is current (else: npm run schema)', async () => {
  const file = new URL('../../schema/sluice.schema.json', import.meta.url);
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(
    JSON.parse(JSON.stringify(projectJsonSchema())),
  );
});

it('every reference in the JSON Schema leads somewhere', () => {
  const { $defs } = projectJsonSchema();
  const names = JSON.stringify(projectJsonSchema()).matchAll(/"\$ref":"#\/\$defs\/([^"]+)"/g);
  for (const [, name] of names) expect($defs).toHaveProperty([name ?? '']);
});
