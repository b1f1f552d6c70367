import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../model/failure.ts';
import { Connectors } from './registry.ts';

const good = `import { defineConnector, z } from 'sluice';
import { title } from './title.ts';
interface Settings { readonly token: string }
export default defineConnector<Settings>({
  type: 'notes',
  title,
  settings: z.strictObject({ token: z.string() }),
  secrets: ['token'],
  source: { open: () => Promise.reject(new Error('not opened here')) },
  connect: () => ({ check: async () => {}, discover: async () => [], close: async () => {} }),
});
`;
const title = "export const title: string = 'Notes';\n";

let place: string;
let folder: string;
let connectors: Connectors;

beforeEach(async () => {
  place = await realpath(await mkdtemp(join(tmpdir(), 'sluice-outside-')));
  folder = join(place, 'project');
  await put('project/connectors/good.ts', good);
  await put('project/connectors/title.ts', title);
  connectors = new Connectors(folder);
});
afterEach(() => rm(place, { recursive: true, force: true }));

async function put(path: string, text: string): Promise<void> {
  const file = join(place, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

/** Returns the reason why a type cannot be loaded, with `<folder>` in place of `folder`. */
async function refusal(type: string): Promise<string> {
  const error = await connectors.get(type).catch((failure: unknown) => failure);
  expect(error).toBeInstanceOf(ConfigError);
  expect(error).toMatchObject({ code: 'unusable_connector' });
  return (error as ConfigError).message.replaceAll(folder, '<folder>');
}

/** Returns the reason why a module with this text cannot be loaded. */
async function refusalOf(text: string, name = 'other.ts'): Promise<string> {
  await put(`project/${name}`, text);
  return refusal(`./${name}`);
}

/** The module of a good connector with some of its fields changed. */
function changed(fields: string): string {
  const base = `{ type: 'n', title: 'N', settings: z.strictObject({}), secrets: [], source: { open() {} }, connect() {} }`;
  return `import { defineConnector, z } from 'sluice';
export default defineConnector({ ...${base}, ${fields} });`;
}

describe('connectors that come with Sluice', () => {
  it('are known at once', () => {
    const types = connectors.all().map(({ type }) => type);
    expect(types).toEqual(['postgres', 'http', 'file']);
    expect(types.map((type) => connectors.find(type)?.type)).toEqual(types);
  });

  it('are named where there is no such type', async () => {
    const error = await connectors.get('postgers').catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: 'unknown_type' });
    expect(String(error)).toContain('there are postgres, http, file');
  });
});

describe('connectors from outside', () => {
  it('load TypeScript that imports sluice and files beside it', async () => {
    expect(connectors.find('./connectors/good.ts')).toBeUndefined();
    expect(await connectors.load(['postgres', './connectors/good.ts'])).toEqual(new Map());
    const loaded = connectors.find('./connectors/good.ts');
    expect(loaded).toMatchObject({ type: 'notes', title: 'Notes', contractVersion: 1 });
    expect(loaded?.settings.safeParse({ token: 1 }).success).toBe(false);
    expect(connectors.all()).toContain(loaded);
  });

  it('load JavaScript, as ES module and CommonJS', async () => {
    const plain = changed('').replaceAll('() {}', '() { return 1; }');
    await put('project/a.mjs', plain);
    await put('project/b.js', plain);
    const cjs = plain.replace(/import (.*) from 'sluice';/, "const $1 = require('sluice');");
    await put('project/c.cjs', cjs.replace('export default', 'module.exports ='));
    const types = ['./a.mjs', './b.js', './c.cjs'];
    expect(await connectors.load(types)).toEqual(new Map());
    expect(types.map((type) => connectors.find(type)?.type)).toEqual(['n', 'n', 'n']);
  });

  it('load packages of the project', async () => {
    await put(
      'project/node_modules/sluice-connector-foo/package.json',
      '{"type":"module","exports":{"import":"./lib/index.js"}}',
    );
    await put('project/node_modules/sluice-connector-foo/lib/index.js', changed("title: 'Foo'"));
    await put('project/node_modules/@acme/foo/package.json', '{"main":"index.ts"}');
    await put('project/node_modules/@acme/foo/index.ts', changed("title: 'Scoped' as string"));
    expect(await connectors.get('npm:sluice-connector-foo')).toMatchObject({ title: 'Foo' });
    expect(await connectors.get('npm:@acme/foo')).toMatchObject({ title: 'Scoped' });
  });

  it('share the classes of failures with Sluice', async () => {
    const check = "throw new ConfigError('credentials', 'no')";
    await put(
      'project/fails.ts',
      changed(`connect: () => ({ async check() { ${check}; } })`).replace(
        '{ defineConnector',
        '{ ConfigError, defineConnector',
      ),
    );
    const connector = await connectors.get('./fails.ts');
    const connection = connector.connect({}, { connection: 'c' } as never);
    await expect(connection.check({} as never)).rejects.toBeInstanceOf(ConfigError);
  });

  it('are loaded once by any of their names, also at the same time', async () => {
    await put('project/counts.ts', `globalThis.loads = (globalThis.loads ?? 0) + 1;${changed('')}`);
    await symlink(join(folder, 'counts.ts'), join(folder, 'link.ts'));
    const names = ['./counts.ts', './connectors/../counts.ts', './link.ts'];
    const loaded = await Promise.all(names.map((name) => connectors.get(name)));
    expect(new Set(loaded).size).toBe(1);
    expect((globalThis as { loads?: number }).loads).toBe(1);
  });

  it('are tried again after they failed', async () => {
    expect(await refusal('./late.ts')).toBe('./late.ts: there is no such file below <folder>');
    expect(await refusalOf('export const a = 1;', 'late.ts')).toContain('no default export');
    await put('project/late.ts', changed("title: 'Late'"));
    expect(await connectors.get('./late.ts')).toMatchObject({ title: 'Late' });
  });

  it('say what is missing', async () => {
    expect(await refusal('npm:nothing')).toBe(
      'npm:nothing: there is no such package in <folder>/node_modules',
    );
    expect(await refusal('./connectors')).toBe(
      './connectors: there is no such file below <folder>',
    );
    expect(await refusalOf('x', 'notes.txt')).toBe(
      "./notes.txt is no module: a connector's file ends in .ts, .mts, .js, .mjs, .cjs",
    );
  });

  it('say why they cannot be loaded, in one line', async () => {
    expect(await refusalOf("throw new Error('boom\\nsecond')", 'a.ts')).toBe(
      './a.ts cannot be loaded: boom',
    );
    expect(await refusalOf("throw 'text'", 'b.ts')).toBe('./b.ts cannot be loaded: text');
    expect(await refusalOf("import 'nothing'; export default 1;", 'c.ts')).toBe(
      "./c.ts cannot be loaded: Cannot find module 'nothing'",
    );
    expect(await refusalOf('const { x: = 1;', 'd.ts')).toContain('./d.ts cannot be loaded: Parse');
  });

  it('say what does not fit, field by field', async () => {
    expect(await refusalOf('export const a = 1;', 'a.ts')).toBe('./a.ts has no default export');
    const unmade = 'its default export is not made by defineConnector';
    expect(await refusalOf('export default 5;', 'b.ts')).toBe(`./b.ts: ${unmade}`);
    expect(await refusalOf("export default { type: 'n' };", 'c.ts')).toBe(`./c.ts: ${unmade}`);
    expect(await refusalOf('export default { contractVersion: 2 };', 'd.ts')).toBe(
      './d.ts is made for version 2 of the connector contract; this Sluice has version 1',
    );
    const wrong = changed(
      "title: 5, settings: {}, secrets: 'token', connect: undefined, destination: { open() {}, modes: [], remove() {} }, qouta() {}",
    );
    expect((await refusalOf(wrong, 'e.ts')).split(/; | is no connector: /)).toEqual([
      './e.ts',
      'title: must be text',
      'settings: must be a schema of zod 4',
      'secrets: must be a list of paths',
      'destination.modes: must be a function',
      'destination.remove: is not part of the contract',
      'connect: is missing',
      'qouta: is not part of the contract',
    ]);
    expect(await refusalOf(changed('source: undefined'), 'f.ts')).toBe(
      './f.ts is no connector: source or destination: one of them is needed',
    );
  });

  it('are loaded from below the folder only', async () => {
    await put('elsewhere.ts', changed(''));
    await put('project-two/good.ts', changed(''));
    await put('outside/index.js', changed(''));
    await symlink(join(place, 'elsewhere.ts'), join(folder, 'link.ts'));
    await symlink(join(place, 'project-two'), join(folder, 'linked'));
    await mkdir(join(folder, 'node_modules'));
    await symlink(join(place, 'outside'), join(folder, 'node_modules/outside'));
    const types = [
      '../elsewhere.ts',
      '../project-two/good.ts',
      './connectors/../../elsewhere.ts',
      '../nothing.ts',
      './link.ts',
      './linked/good.ts',
      'npm:outside',
    ];
    for (const type of types)
      expect(await refusal(type)).toBe(
        `${type} leads out of <folder>: connectors are loaded from below it only`,
      );
    expect(await connectors.get('../project/connectors/good.ts')).toMatchObject({ type: 'notes' });
  });

  it('are not named by absolute paths, URLs, or what is no name of a package', async () => {
    const file = join(folder, 'connectors/good.ts');
    for (const type of [file, `file://${file}`, 'connectors/good.ts', 'data:text/javascript,1'])
      await expect(connectors.get(type)).rejects.toMatchObject({ code: 'unknown_type' });
    for (const type of [`npm:${file}`, 'npm:../project', 'npm:file:x', 'npm:', 'npm:a/b'])
      expect(await refusal(type)).toContain('npm: is followed by the name of a package');
    expect(await refusal('npm:fs')).toContain('there is no such package in');
  });

  it('are not loaded where no folder is named', async () => {
    connectors = new Connectors();
    expect(await refusal('./connectors/good.ts')).toContain('set SLUICE_CONNECTOR_ROOT');
  });

  it('are loaded from a folder that is reached by a link', async () => {
    await symlink(folder, join(place, 'current'));
    connectors = new Connectors(join(place, 'current'));
    expect(await connectors.get('./connectors/good.ts')).toMatchObject({ type: 'notes' });
  });
});
