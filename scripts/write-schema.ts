import { writeFile } from 'node:fs/promises';
import { projectJsonSchema } from '../src/project/json-schema.ts';

/** Writes the JSON Schema that editors use for project files. */
const target = new URL('../schema/sluice.schema.json', import.meta.url);
await writeFile(target, `${JSON.stringify(projectJsonSchema(), null, 2)}\n`);
