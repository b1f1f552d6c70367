import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parseProject } from '../load.ts';
import { formatProblem, ProjectError } from '../problem.ts';

const good = `version: 1
connections:
  sf: { type: postgres, url: "postgres://sf@db/sf" }
  hs: { type: postgres, url: "postgres://hs@db/hs" }
  files: { type: file, path: /data }
entities:
  account:
    fields:
      name: text
      domain: text
      type: text
      employees: number
      label: { type: text, expr: 'name + domain' }
    sources:
      salesforce:
        source: { connection: sf, stream: Account, id: Id, watermark: SystemModstamp, batch: 1000 }
        where: IsDeleted == false
        attach: [[name]]
        fields: { name: Name, type: Type, domain: { expr: domain(Website) } }
      hubspot:
        source: { connection: hs, stream: companies, id: id, watermark: updated_at }
        attach: [[domain], [{ field: name, caseInsensitive: true }]]
        fields: { name: name, domain: domain, employees: employees }
        deleted: archived == true
    authority: { name: { ranked: [salesforce, hubspot] }, domain: latest, type: { owner: salesforce } }
    merge: { match: [[name]], winner: oldest, override: { employees: newest }, deleteLosers: true }
    deletes: any
    destinations:
      hubspot:
        destination: { connection: hs, stream: companies }
        mode: upsert
        where: type == "Customer"
        fields: { name: name, domain: domain, kind: { expr: 'type in ["Prospect"] ? type : "Other"' } }
      warehouse:
        destination: { connection: sf, stream: public.accounts, key: name }
        mode: mirror
    schedule: { every: 5m }
`;

function problemsOf(text: string): string {
  try {
    parseProject(text, 'p', {});
    return '';
  } catch (error) {
    if (!(error instanceof ProjectError)) throw error;
    return error.problems.map((problem) => formatProblem('p', problem)).join('\n');
  }
}

describe('entities of a project file', () => {
  it('are read, with defaults filled in', () => {
    const { entities } = parseProject(good, 'p', {});
    expect(entities['account']).toMatchObject({
      ambiguous: 'error',
      encrypted: true,
      merge: { default: 'fill', guard: 20, report: false },
      sources: { hubspot: { source: { batch: 10_000, full: false } } },
    });
  });

  it.each([
    [
      'connection: hs, stream: companies, id',
      'connection: hz, stream: companies, id',
      'p:21:19 entities.account.sources.hubspot.source.connection: no connection has this name\n    did you mean hs?',
    ],
    [
      ', watermark: updated_at',
      '',
      'p:21:9 entities.account.sources.hubspot.source.watermark: is required: text\n' +
        '    name a field that grows with every change, or read everything with full: true',
    ],
    [
      'connection: sf, stream: Account',
      'connection: files, stream: "*.csv"',
      'p:16:63 entities.account.sources.salesforce.source.watermark: files cannot be read in the order of SystemModstamp: ',
    ],
    [
      'Name, type: Type',
      'Name, typ: Type',
      'p:19:31 entities.account.sources.salesforce.fields.typ: typ is no field of the entity\n    did you mean type?',
    ],
    [
      'employees: employees',
      'employees: employees, label: x',
      'label is derived from other fields: no source sets it',
    ],
    [
      'domain: latest, ',
      '',
      'p:10:7 entities.account.fields.domain: salesforce and hubspot set it, and authority',
    ],
    [
      'hubspot] }',
      'hubspt] }',
      'p:25:47 entities.account.authority.name.ranked.1: no source has this name\n    did you mean hubspot?',
    ],
    [
      'owner: salesforce',
      'owner: hubspot',
      'type.owner: hubspot does not map type\n    mapped by: salesforce',
    ],
    [
      'attach: [[name]]',
      'attach: [[employees]]',
      'p:18:19 entities.account.sources.salesforce.attach.0.0: employees is not mapped by this source',
    ],
    [
      'attach: [[name]]',
      'attach: [[nam]]',
      'attach.0.0: nam is no field of the entity\n    did you mean name?',
    ],
    [
      "expr: 'name + domain'",
      "expr: 'nam + domain'",
      'p:13:28 entities.account.fields.label.expr: nam is no field of the entity',
    ],
    ["expr: 'name + domain'", "expr: 'label + domain'", 'is derived from itself: label → label'],
    [
      'employees: number\n',
      'employees: number\n      a: { type: text, expr: lower(b) }\n      b: { type: text, expr: trim(a) }\n',
      'p:13:24 entities.account.fields.a.expr: is derived from itself: a → b → a',
    ],
    [
      'employees: number\n',
      'employees: number\n      phone: text\n',
      'p:13:7 entities.account.fields.phone: no source sets it',
    ],
    ['match: [[name]]', 'match: [[nme]]', 'merge.match.0.0: nme is no field of the entity'],
    [
      'winner: oldest',
      'winner: { expr: employes }',
      'merge.winner.expr: employes is no field of the entity\n    did you mean employees?',
    ],
    ['employees: newest', 'label: newest', 'override.label: label is derived from other fields'],
    [
      'where: type ==',
      'where: tipe ==',
      'p:32:9 entities.account.destinations.hubspot.where: tipe is no field',
    ],
    [
      '{ name: name, domain: domain, kind',
      '{ name: nam, domain: domain, kind',
      'hubspot.fields.name: nam is no field of the entity',
    ],
    [
      'connection: hs, stream: companies }',
      'connection: hs, stream: people }',
      'p:30:40 entities.account.destinations.hubspot.destination.stream: is people, but source hubspot has companies',
    ],
    ['public.accounts, key: name', 'public.accounts', 'warehouse.destination: needs id or key'],
    [
      'public.accounts, key: name',
      'public.accounts, key: email',
      'warehouse.destination.key: email is not mapped',
    ],
    [
      'key: name }\n',
      'key: name }\n        fields: { name: { expr: lower(name) } }\n',
      'warehouse.destination.key: name is not a plain copy',
    ],
    [
      'stream: public.accounts',
      'stream: Account',
      'warehouse: writes to the stream that source salesforce reads, under another name\n    call it salesforce',
    ],
    [
      '        deleted: archived == true\n',
      '',
      'entities.account.deletes: is any, but no source tells of deletes',
    ],
    [
      'mode: upsert',
      'mode: upsrt',
      'hubspot.mode: must be one of upsert, update, create, mirror\n    did you mean upsert?',
    ],
    ['every: 5m', 'every: 5ms', 'schedule.every: must be at least one second'],
    ['batch: 1000', 'bach: 1000', 'source.bach: unknown key\n    did you mean batch?'],
    [
      'entities:\n',
      'syncs:\n  account: { source: { connection: sf, stream: a, key: id }, destination: { connection: hs, stream: b, key: id }, mode: upsert }\nentities:\n',
      'entities.account: a sync has this name',
    ],
  ])('reports %j written as %j', (from, to, expected) => {
    const text = good.replace(from, () => to);
    expect(text).not.toBe(good);
    expect(problemsOf(text)).toContain(expected);
  });

  it('accepts the example of the documentation', async () => {
    const text = await readFile(new URL('../../../docs/entities.md', import.meta.url), 'utf8');
    const [, example = ''] = /```yaml\n([^]*?)```/.exec(text) ?? [];
    const env = { SF_URL: 'postgres://sf@db/sf', HS_URL: 'postgres://hs@db/hs' };
    expect(Object.keys(parseProject(example, 'p', env).entities)).toEqual(['account']);
  });

  it('knows the removal that is written from the default', () => {
    const never = good.replace(', deleteLosers: true', '');
    expect(problemsOf(never)).toBe('');
    expect(
      problemsOf(never.replace('mode: upsert', 'mode: upsert\n        removal: false')),
    ).toContain(
      'hubspot.removal: means nothing in mode upsert\n    only mirror, remove: written and merge.deleteLosers remove',
    );
  });

  it('lets a source be read in full whose connector cannot sort', () => {
    const full = good.replace(
      'connection: sf, stream: Account, id: Id, watermark: SystemModstamp, batch: 1000',
      'connection: files, stream: "*.csv", id: Id, full: true',
    );
    expect(problemsOf(full)).toBe('');
  });

  it('lets a record attach by a field that is derived from what its source maps', () => {
    expect(problemsOf(good.replace('attach: [[name]]', 'attach: [[label]]'))).toBe('');
    const part = good.replace('name + domain', 'string(employees)');
    expect(problemsOf(part.replace('attach: [[name]]', 'attach: [[label]]'))).toContain(
      'label is derived from employees, which is not mapped by this source',
    );
  });
});
