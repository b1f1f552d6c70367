import type { RunView } from '../../src/api/views/run-view.ts';
import { createClient, type Client } from '../../src/cli/client.ts';
import { followRun } from '../../src/cli/follow.ts';
import { summaryOf } from '../../src/cli/summary.ts';
import { play, readProject, type Dev, type Stage } from '../stage.ts';
import { changes, hero } from './changes.ts';
import { startSystems, query, type Systems } from './systems.ts';
import { entryLines, recordLines } from './tell.ts';

const example = 'accounts-two-way';

await play(example, process.argv[2] === 'systems' ? systemsOnly : story);

/** Keeps the stand-ins up for whoever plays by hand. */
async function systemsOnly(stage: Stage): Promise<boolean> {
  const { salesforce, hubspot } = await startSystems(await stage.startPostgres());
  console.log(`export SALESFORCE_URL='${salesforce}'\nexport HUBSPOT_URL='${hubspot}'`);
  console.log('Both are up until Ctrl-C.');
  return new Promise(() => undefined);
}

async function story(stage: Stage): Promise<boolean> {
  console.log('Starting two databases that stand in for Salesforce and HubSpot …');
  const systems = await startSystems(await stage.startPostgres());
  console.log(`  Salesforce: ${await count(systems.salesforce, 'account')} accounts`);
  console.log(`  HubSpot: ${await count(systems.hubspot, 'companies')} companies`);
  console.log('Starting Sluice (the very first start gets the Temporal server) …');
  const { salesforce: SALESFORCE_URL, hubspot: HUBSPOT_URL } = systems;
  const dev = await stage.startSluice(readProject(example, { SALESFORCE_URL, HUBSPOT_URL }));
  console.log(`  API and console: ${dev.url}, ${stage.elapsed()}`);
  const failed = await tell(dev, systems);
  for (const what of failed) console.log(`NOT TRUE: ${what}`);
  return failed.length === 0;
}

/** @returns what did not hold */
async function tell(dev: Dev, systems: Systems): Promise<string[]> {
  const client = createClient(dev.url);
  const first = await cycle(client, 'Cycle 1: everything is new');
  const second = await cycle(client, 'Cycle 2: nothing has changed but what Sluice wrote itself');
  const before = await client.entities.records('account', { where: `name == "${hero.name}"` });
  console.log('\nPeople go on working:');
  for (const { system, what, sql } of changes) {
    await query(systems[system], sql);
    console.log(`  ${system}: ${what}`);
  }
  const third = await cycle(client, 'Cycle 3: the changes of both sides');
  const fourth = await cycle(client, 'Cycle 4: it has settled');

  const id = before.records[0]?.id ?? '';
  const record = await client.entities.record('account', id);
  const { entries } = await client.entities.history('account', id);
  console.log(`\nThe story of record ${id} (sluice records account ${id}):`);
  for (const line of [...recordLines(record), ...entries.toReversed().flatMap(entryLines)])
    console.log(`  ${line}`);
  const there = await query(
    systems.hubspot,
    `SELECT id::text, name, domain, employees, kind FROM companies WHERE id = ${record.ids['hubspot']?.[0] ?? 0}`,
  );
  console.log(`  HubSpot holds ${JSON.stringify(there[0])}`);
  const lag = await lagOf(dev.url);
  console.log(`Behind: HubSpot ${lag} records\n`);
  const held: [string, boolean][] = [
    ['every cycle completed', [first, second, third, fourth].every(wentWell)],
    ['the second cycle wrote nothing', second.outcome === 'nothing_written'],
    ['the fourth cycle wrote nothing', fourth.outcome === 'nothing_written'],
    ['HubSpot has the new name', there[0]?.['name'] === hero.renamed],
    ['the record has the new number of employees', record.fields['employees'] === hero.employees],
    ['HubSpot is not behind', lag === 0],
  ];
  return held.filter(([, holds]) => !holds).map(([what]) => what);
}

/** One cycle, as `sluice run account --once` runs it. */
async function cycle(client: Client, title: string): Promise<RunView> {
  console.log(`\n${title}`);
  const run = await followRun(client, await client.entities.start('account'), () => undefined);
  for (const line of summaryOf(run, [])) console.log(`  ${line}`);
  return run;
}

function wentWell({ status, stats, children = [] }: RunView): boolean {
  return [{ status, stats }, ...children].every(
    (each) => each.status === 'completed' && each.stats.errors === 0,
  );
}

async function count(url: string, table: string): Promise<number> {
  return (await query(url, `SELECT FROM ${table}`)).length;
}

async function lagOf(url: string): Promise<number | undefined> {
  const answer = await fetch(`${url}/v1/entities/account/lag`);
  const { destinations } = (await answer.json()) as {
    destinations: Record<string, { records: number }>;
  };
  return destinations['hubspot']?.records;
}
