import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  changes,
  departed,
  enteredAgain,
  hero,
  lost,
  signed,
} from '../../examples/accounts-two-way/changes.ts';
import {
  accounts,
  companies,
  domainOf,
  nameOf,
} from '../../examples/accounts-two-way/companies.ts';
import { fillSystems } from '../../examples/accounts-two-way/systems.ts';
import type { GoldenJson } from '../../src/api/views/golden-view.ts';
import type { RunView } from '../../src/api/views/run-view.ts';
import { followRun } from '../../src/cli/follow.ts';
import { readPages } from '../../src/cli/pages.ts';
import { createDatabase, type Database } from '../support/database.ts';
import { startStack, type Stack } from '../support/stack.ts';

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const config = fileURLToPath(
  new URL('../../examples/accounts-two-way/sluice.yaml', import.meta.url),
);
let stack: Stack;
let salesforce: Database;
let hubspot: Database;

beforeAll(async () => {
  [stack, salesforce, hubspot] = await Promise.all([
    startStack(),
    createDatabase('salesforce'),
    createDatabase('hubspot'),
  ]);
  await fillSystems({ salesforce: salesforce.url, hubspot: hubspot.url });
  await apply();
}, 120_000);

afterAll(async () => {
  await stack.stop();
  await Promise.all([salesforce.drop(), hubspot.drop()]);
}, 60_000);

/** Sends the example's project file to the stack. */
async function apply(): Promise<void> {
  const env = {
    ...process.env,
    SLUICE_URL: stack.url,
    SALESFORCE_URL: salesforce.url,
    HUBSPOT_URL: hubspot.url,
  };
  await promisify(execFile)(process.execPath, [main, 'apply', '--config', config], { env });
}

async function cycle(): Promise<RunView> {
  const { client } = stack;
  return followRun(client, await client.entities.start('account'), () => undefined);
}

/** Returns all golden records. */
async function golden(): Promise<GoldenJson[]> {
  return readPages(1000, async (page) => {
    const { records, next } = await stack.client.entities.records('account', page);
    return { entries: records, next };
  });
}

/** A golden record, and the HubSpot companies that it is made of, the one entered first first. */
interface Expected {
  readonly name: string;
  readonly type: string | null;
  readonly domain: string | null;
  readonly employees: number | null;
  readonly companies: readonly ReturnType<typeof companies>[number][];
}

/** Computes the expected records of both systems in the plain way, company by company. */
function expected(): Expected[] {
  const live = accounts().filter(({ IsDeleted }) => !IsDeleted);
  return Array.from({ length: 340 }, (_, n) => {
    const name = nameOf(n);
    const ofSalesforce = live.filter(({ Name }) => Name === name);
    const ofHubspot = companies().filter((each) => [name, `${name}, Inc.`].includes(each.name));
    const hasDomain =
      ofSalesforce.some(({ Website }) => Website !== null) ||
      ofHubspot.some(({ domain }) => domain !== null);
    return {
      name: ofSalesforce[0]?.Name ?? ofHubspot[0]?.name ?? '',
      // Of two accounts the older one wins.
      type: ofSalesforce[0]?.Type ?? null,
      domain: hasDomain ? domainOf(n) : null,
      employees: ofHubspot.findLast(({ employees }) => employees !== null)?.employees ?? null,
      companies: ofHubspot,
    };
  }).filter(({ name }) => name !== '');
}

function summary({ name, type, domain, employees }: Partial<Expected>): string {
  return [name, type, domain, employees].join('|');
}

/** Returns the companies that HubSpot must hold after the first cycle, as text. */
function expectedCompanies(): string[] {
  return expected().flatMap(({ name, type, domain, employees, companies: [held] }) => {
    if (type === 'Customer') return [[name, domain, employees, 'Other'].join('|')];
    if (held === undefined) return [];
    return [[held.name, held.domain, held.employees, held.kind].join('|')];
  });
}

async function heldCompanies(): Promise<string[]> {
  const rows = await hubspot.query('SELECT name, domain, employees, kind FROM companies');
  return rows.map((row) => Object.values(row).join('|'));
}

/** Returns the version of each row of both systems; it changes with every write. */
async function versions(): Promise<unknown[]> {
  return [
    await salesforce.query(`SELECT "Id", xmin FROM account ORDER BY "Id"`),
    await hubspot.query('SELECT id, xmin FROM companies ORDER BY id'),
  ];
}

async function companiesNamed(name: string) {
  return hubspot.query(
    `SELECT name, domain, employees, kind FROM companies WHERE name = '${name}'`,
  );
}

async function settles(): Promise<void> {
  const before = await versions();
  expect(await cycle()).toMatchObject({
    status: 'completed',
    outcome: 'nothing_written',
    children: [{ outcome: 'nothing_written', stats: { exported: 0, removed: 0, errors: 0 } }],
  });
  expect(await versions()).toEqual(before);
  const lag = await fetch(`${stack.url}/v1/entities/account/lag`);
  expect(await lag.json()).toMatchObject({ destinations: { hubspot: { records: 0 } } });
}

it('makes one record of every company, and keeps the customers of HubSpot like it', async () => {
  const run = await cycle();
  expect(run).toMatchObject({ status: 'completed', outcome: 'ok', stats: { errors: 0 } });
  expect(Object.fromEntries(run.stages?.map(({ name, counts }) => [name, counts]) ?? [])).toEqual(
    expect.objectContaining({
      read: { salesforce: 325, hubspot: 133 },
      attach: { new: 350, byId: 0, byMatch: 103, ambiguous: 0, detached: 0 },
      merge: { groups: 30, merged: 30, reported: 0 },
    }),
  );
  const records = await golden();
  expect(records).toHaveLength(320);
  expect(records.map(({ fields }) => summary(fields)).toSorted()).toEqual(
    expected().map(summary).toSorted(),
  );
  expect((await heldCompanies()).toSorted()).toEqual(expectedCompanies().toSorted());
  const [delivered] = run.children ?? [];
  expect(delivered?.stats).toMatchObject({ created: 80, removed: 13, errors: 0 });
}, 60_000);

it('settles: the next cycle writes nothing anywhere', settles, 60_000);

it('brings changes of both sides together', async () => {
  const before = new Map((await golden()).map((each) => [each.fields['name'], each]));
  const record = (n: number): GoldenJson => before.get(nameOf(n)) as GoldenJson;
  for (const { system, sql } of changes)
    await (system === 'salesforce' ? salesforce : hubspot).query(sql);
  expect(await cycle()).toMatchObject({ status: 'completed', stats: { errors: 0 } });

  expect(await companiesNamed(hero.renamed)).toEqual([
    {
      name: hero.renamed,
      domain: domainOf(hero.n),
      employees: String(hero.employees),
      kind: 'Other',
    },
  ]);
  expect(await companiesNamed(nameOf(signed))).toEqual([
    { name: nameOf(signed), domain: domainOf(signed), employees: null, kind: 'Other' },
  ]);
  // The first entry had no website; the second one brings it, and is merged away.
  expect(record(enteredAgain).fields['domain'] ?? null).toBeNull();
  expect(await companiesNamed(nameOf(enteredAgain))).toEqual([
    { name: nameOf(enteredAgain), domain: domainOf(enteredAgain), employees: null, kind: 'Other' },
  ]);
  const { client } = stack;
  expect(await client.entities.record('account', record(lost).id)).toMatchObject({ deleted: true });
  expect(await client.entities.record('account', record(departed).id)).toMatchObject({
    deleted: false,
    ids: { hubspot: [expect.any(String)] },
  });
  expect(await companiesNamed(nameOf(departed))).toHaveLength(1);
  expect(await golden()).toHaveLength(319);
}, 60_000);

it('settles again', settles, 60_000);

it('tells the history of a record: who set what, by which rule, and what was refused', async () => {
  const record = (await golden()).find(({ fields }) => fields['name'] === hero.renamed);
  const { entries } = await stack.client.entities.history('account', record?.id ?? '');
  const salesforceIds = ['001Hs0000000045QAA', '001Hs0000001003QAA'];
  expect(entries).toMatchObject([
    {
      cycle: 3,
      operation: 'update',
      changes: [
        { field: 'name', old: hero.name, new: hero.renamed, source: 'salesforce', by: 'ranked' },
        { field: 'employees', new: hero.employees, source: 'hubspot', by: 'only' },
      ],
      refused: [{ field: 'name', value: `${hero.name} (old)`, source: 'hubspot', by: 'ranked' }],
      ids: [],
    },
    {
      cycle: 1,
      operation: 'create',
      changes: [
        { field: 'name', new: hero.name, source: 'salesforce', by: 'ranked' },
        { field: 'type', new: 'Customer', source: 'salesforce', by: 'owner' },
        { field: 'domain', new: domainOf(hero.n), source: 'salesforce', by: 'latest' },
        { field: 'employees', new: 685, source: 'hubspot', by: 'only' },
      ],
      refused: [{ field: 'name', value: `${hero.name}, Inc.`, source: 'hubspot', by: 'ranked' }],
      ids: [
        { system: 'salesforce', id: salesforceIds[0], change: 'attached', by: 'new' },
        { system: 'hubspot', change: 'attached', by: 'match' },
        { system: 'salesforce', id: salesforceIds[1], change: 'moved', by: 'merge' },
      ],
      merged: [expect.any(String)],
    },
  ]);
}, 60_000);
