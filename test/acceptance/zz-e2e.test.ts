import { test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { startStack } from '../support/stack.ts';
import { createDatabase } from '../support/database.ts';

test('e2e', async () => {
  const stack = await startStack();
  const sf = await createDatabase('sf');
  const hs = await createDatabase('hs');
  await sf.query(`CREATE TABLE account ("Id" text PRIMARY KEY, "Name" text, "Type" text, "Website" text, "IsDeleted" boolean default false, "SystemModstamp" timestamptz default now())`);
  await hs.query(`CREATE TABLE companies (id int generated always as identity primary key, name text, domain text, employees int, kind text, updated_at timestamptz default now());
   CREATE FUNCTION touch() RETURNS trigger AS $$ BEGIN NEW.updated_at = clock_timestamp(); RETURN NEW; END $$ LANGUAGE plpgsql;
   CREATE TRIGGER t BEFORE INSERT OR UPDATE ON companies FOR EACH ROW EXECUTE FUNCTION touch()`);
  await sf.query(`INSERT INTO account ("Id","Name","Type","Website") VALUES ('a1','Acme','Customer','https://www.acme.com/x'),('a2','Beta','Prospect','http://beta.io'),('a3','Gamma','Customer',null),('a4','Acme','Customer','acme.com')`);
  await hs.query(`INSERT INTO companies (name, domain, employees) VALUES ('Acme','acme.com',10),('Delta','delta.org',5)`);
  const c = stack.client;
  await c.connections.put('sf', { type: 'postgres', url: sf.url });
  await c.connections.put('hs', { type: 'postgres', url: hs.url });
  const call = async (method: string, path: string, body?: unknown) => {
    const r = await fetch(stack.url + path, { method, headers: { 'content-type': 'application/json' }, ...(body !== undefined && { body: JSON.stringify(body) }) });
    const t = await r.text();
    try { return { status: r.status, body: JSON.parse(t) }; } catch { return { status: r.status, body: t }; }
  };
  console.log(await call('PUT', '/v1/entities/account', {
    fields: { name: 'text', domain: 'text', type: 'text', employees: 'number' },
    sources: {
      salesforce: { source: { connection: 'sf', stream: 'public.account', id: 'Id', watermark: 'SystemModstamp', batch: 1000 }, where: 'IsDeleted == false', attach: [['name']], fields: { name: 'Name', type: 'Type', domain: { expr: 'domain(Website)' } } },
      hubspot: { source: { connection: 'hs', stream: 'public.companies', id: 'id', watermark: 'updated_at', batch: 1000 }, attach: [['domain'], ['name']], fields: { name: 'name', domain: 'domain', employees: 'employees' } },
    },
    authority: { name: { ranked: ['salesforce', 'hubspot'] }, domain: 'latest', type: { owner: 'salesforce' } },
    merge: { match: [['name']], winner: 'oldest', default: 'fill', override: { employees: 'newest' }, deleteLosers: true },
    deletes: 'never',
    destinations: { hubspot: { destination: { connection: 'hs', stream: 'public.companies' }, mode: 'upsert', where: 'type == "Customer"', fields: { name: 'name', domain: 'domain', kind: { expr: 'type in ["Prospect", "Partner"] ? type : "Other"' } } } },
  }));
  for (let n = 0; n < 4; n++) {
    const started = await call('POST', '/v1/entities/account/runs', {});
    let run: any;
    for (;;) { run = (await call('GET', `/v1/runs/${started.body.id}`)).body; if (run.finishedAt) break; await sleep(100); }
    console.log(JSON.stringify(run, null, 1));
    console.log(await call('GET', `/v1/runs/${started.body.id}/errors`).then(r => JSON.stringify(r.body)));
    console.log(await hs.query('SELECT * FROM companies ORDER BY id'));
    if (n === 1) await sf.query(`UPDATE account SET "Name"='Gamma Inc', "SystemModstamp"=now() WHERE "Id"='a3'`);
  }
  const recs = await call('GET', '/v1/entities/account/records');
  console.log(JSON.stringify(recs.body, null, 1));
  for (const r of recs.body.records) console.log(JSON.stringify((await call('GET', `/v1/entities/account/records/${r.id}/history`)).body));
  console.log((await call('GET', '/v1/entities/account/lag')).body);
  console.log(stack.output());
  await stack.stop();
}, 120000);
