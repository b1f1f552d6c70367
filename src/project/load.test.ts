import { describe, expect, it } from 'vitest';
import { parseProject } from './load.ts';
import { formatProblem, ProjectError, type Problem } from './problem.ts';
import type { Environment } from './load.ts';

const env: Environment = { SHOP_URL: 'postgres://shop:hunter22@db/shop', PW: 'hunter22' };

const good = `version: 1
connections:
  shop: { type: postgres, url: "\${SHOP_URL}" }
  crm:
    type: postgres
    url: postgres://crm@db/crm
syncs:
  customers:
    source:
      connection: shop
      stream: public.customers
      key: email
    destination:
      connection: crm
      stream: public.contacts
      key: email
    mode: upsert
    fields:
      full_name: name
      plan: { expr: plan + "!" }
    where: plan != "free"
    schedule: { every: 6h }
`;

function problemsOf(text: string, using: Environment = env): readonly Problem[] {
  try {
    parseProject(text, 'sluice.yaml', using);
    return [];
  } catch (error) {
    if (error instanceof ProjectError) return error.problems;
    throw error;
  }
}

/** Returns the only problem of the good project with `from` replaced by `to`, as it is printed. */
function printed(from: string, to: string, using?: Environment): string {
  const changed = good.replace(from, to);
  expect(changed).not.toBe(good);
  return problemsOf(changed, using)
    .map((problem) => formatProblem('sluice.yaml', problem))
    .join('\n');
}

describe('parseProject', () => {
  it.each([
    ['{ type: page }', 'paged by number'],
    ['{ type: offset }', 'paged by offset'],
    ['{ type: offset, stable: true }', ''],
    ['{ type: cursor }', ''],
  ])('refuses a mirror from a list that may skip records: %s (R7)', (pagination, why) => {
    const project = `version: 1
connections:
  crm: { type: postgres, url: postgres://crm@db/crm }
  api:
    type: http
    url: https://api.example.com
    streams: { people: { read: { path: /people, pagination: ${pagination} } } }
syncs:
  people:
    source: { connection: api, stream: people, key: id }
    destination: { connection: crm, stream: public.people, key: id }
    mode: mirror
`;
    const problems = problemsOf(project).map(({ message }) => message);
    expect(problems.join()).toContain(why);
    expect(problems).toHaveLength(why === '' ? 0 : 1);
  });

  it('reads a project, with defaults and variables filled in', () => {
    const project = parseProject(good, 'sluice.yaml', env);
    expect(project.connections['shop']).toMatchObject({
      type: 'postgres',
      settings: { url: env['SHOP_URL'] },
    });
    expect(project.syncs['customers']).toMatchObject({
      mode: 'upsert',
      removal: { scope: 'all', guard: { records: 100, fraction: 0.2 } },
      match: { caseInsensitive: false, trim: false },
    });
  });

  it.each([
    [
      'mode: upsert',
      'mode: upsrt',
      'sluice.yaml:17:5 syncs.customers.mode: must be one of upsert, update, create, mirror\n    did you mean upsert?',
    ],
    [
      'mode: upsert',
      'mod: upsert',
      'sluice.yaml:8:3 syncs.customers.mode: is required: one of upsert, update, create, mirror\n' +
        'sluice.yaml:17:5 syncs.customers.mod: unknown key\n    did you mean mode?',
    ],
    ['version: 1', 'version: 2', 'sluice.yaml:1:1 version: must be 1'],
    [
      'connection: shop',
      'connection: shp',
      'sluice.yaml:10:7 syncs.customers.source.connection: no connection has this name\n    did you mean shop?',
    ],
    [
      'type: postgres\n',
      'type: postgre\n',
      'sluice.yaml:5:5 connections.crm.type: unknown connection type\n    did you mean postgres?',
    ],
    [
      'every: 6h',
      'evry: 6h',
      'sluice.yaml:22:5 syncs.customers.schedule.every: is required: text\n' +
        'sluice.yaml:22:17 syncs.customers.schedule.evry: unknown key\n    did you mean every?',
    ],
    [
      'key: email\n    mode',
      'key: [email, id]\n    mode',
      "sluice.yaml:16:7 syncs.customers.destination.key: has 2 fields, but the source's key has 1 field\n" +
        '    the fields of both keys are compared one by one, in order',
    ],
    [
      'mode: upsert',
      'mode: upsert\n    mode: update',
      'sluice.yaml:18:5 syncs.customers.mode: is given twice\n    keep one of the two',
    ],
    [
      'mode: upsert',
      'mode: upsert\n    removal: { scope: tracked }',
      'sluice.yaml:18:5 syncs.customers.removal: means nothing in mode upsert\n    only mirror removes',
    ],
    [
      'every: 6h',
      'cron: 0 25 * * *, timezone: Europe/Berlim',
      'sluice.yaml:22:17 syncs.customers.schedule.cron: the hour must be within 0-23, * or a step such as */5\n' +
        '    minute hour day month weekday, such as 0 */6 * * *\n' +
        'sluice.yaml:22:35 syncs.customers.schedule.timezone: is not a time zone\n    an IANA name such as Europe/Berlin',
    ],
  ])('reports %j written as %j', (from, to, expected) => {
    expect(printed(from, to)).toBe(expected);
  });

  it('refuses a mode that the destination does not honour, and options it does not know', () => {
    const text = good
      .replace('  crm:', '  files: { type: file, path: /data }\n  crm:')
      .replace('connection: crm\n', 'connection: files\n      delimeter: ";"\n')
      .replace('public.contacts', 'out/*.csv');
    expect(problemsOf(text)).toMatchObject([
      { path: 'syncs.customers.destination.delimeter', line: 16, hint: 'did you mean delimiter?' },
    ]);
    const [problem, ...others] = problemsOf(text.replace('delimeter', 'delimiter'));
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ path: 'syncs.customers.mode', line: 19, column: 5 });
    expect(problem?.message).toMatch(/^files does not support mode upsert: \S/);
  });

  it('reads a variable as the number that a setting wants', () => {
    const text = good.replace(
      'mode: upsert',
      'mode: mirror\n    removal: { guard: { records: "${MOST}" } }',
    );
    const { removal } =
      parseProject(text, 'sluice.yaml', { ...env, MOST: '7' }).syncs['customers'] ?? {};
    expect(removal).toMatchObject({ guard: { records: 7 } });
  });

  it('places the fault of an expression', () => {
    expect(printed('plan + "!"', '"plan +"')).toMatch(
      /^sluice\.yaml:20:15 syncs\.customers\.fields\.plan\.expr: \S/,
    );
  });

  it('places a syntax error and says that references need quotes', () => {
    expect(printed('"${SHOP_URL}"', '${SHOP_URL}')).toMatch(/^sluice\.yaml:3:.*\n.*put quotes/);
  });

  it('names a missing variable once, where it is used', () => {
    expect(printed('', '\n', {})).toBe(
      'sluice.yaml:4:27 connections.shop.url: the environment variable SHOP_URL is not set\n' +
        '    set SHOP_URL, or write $${SHOP_URL} if no variable is meant',
    );
  });

  it('leaves an escaped reference as text', () => {
    const text = good.replace('full_name: name', () => 'full_name: { value: "$${SHOP_URL}" }');
    const { fields } = parseProject(text, 'sluice.yaml', env).syncs['customers'] ?? {};
    expect(fields).toMatchObject({ full_name: { value: '${SHOP_URL}' } });
  });

  it('never prints the value of a variable (R1)', () => {
    for (const place of [
      'mode: upsert',
      'type: postgres\n',
      'where: plan != "free"',
      'every: 6h',
    ]) {
      const [key] = place.split(':');
      const text = printed(place, `${key}: "\${PW} +"${place.endsWith('\n') ? '\n' : ''}`);
      expect(text).not.toBe('');
      expect(text).not.toContain('hunter22');
    }
  });

  it('refuses a file that is not a mapping, and one that is not there', () => {
    expect(problemsOf('')[0]).toMatchObject({ path: 'version', message: 'is required: 1' });
    expect(problemsOf('- 1')[0]).toMatchObject({ path: '', message: 'must be a mapping' });
  });

  it('takes any name of a field, also one that every object knows', () => {
    const odd = good.replace('full_name: name', '__proto__: name\n      constructor: toString');
    const { fields } = parseProject(odd, 'sluice.yaml', env).syncs['customers'] ?? {};
    expect(Object.entries(fields ?? {})).toEqual([
      ['__proto__', 'name'],
      ['constructor', 'toString'],
      ['plan', { expr: 'plan + "!"' }],
    ]);
  });
});
