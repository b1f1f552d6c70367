import type { Command } from 'commander';
import type { EntryJson, GoldenJson } from '../../api/views/golden-view.ts';
import type { OriginJson } from '../../api/views/origin-view.ts';
import type { Client } from '../client.ts';
import { withServer } from '../connect.ts';
import { wholeNumber } from '../exit.ts';
import { globalOptions } from '../options.ts';
import { printJson, printLine, printTable } from '../output.ts';
import { readPages } from '../pages.ts';

interface Flags {
  readonly where?: string;
  readonly deleted?: boolean;
  readonly provenance?: boolean;
  readonly limit: number;
}

/** `sluice records ENTITY [RECORD]`: lists the unified records of an entity, or shows one with its history. */
export function addRecords(program: Command): void {
  program
    .command('records')
    .argument('<entity>', 'the entity')
    .argument('[record]', 'the id of one record: shows it with its history')
    .description('list the unified records of an entity, or show one with its history')
    .option('--where <expression>', 'only records for which this CEL condition is true')
    .option('--deleted', 'also deleted records')
    .option(
      '--provenance',
      'of one record: where each value comes from and what lost, not its history',
    )
    .option(
      '--limit <number>',
      'at most this many records, or entries of the history',
      wholeNumber(1),
      100,
    )
    .action(async (entity: string, record: string | undefined, flags: Flags, command: Command) => {
      const globals = globalOptions(command);
      await withServer(globals, async (client) => {
        if (record !== undefined && flags.provenance === true)
          await showOrigins(client, entity, record, globals.json);
        else if (record === undefined) await showAll(client, entity, flags, globals.json);
        else await showOne(client, { entity, record, limit: flags.limit }, globals.json);
      });
    });
}

async function showAll(client: Client, entity: string, flags: Flags, json: boolean): Promise<void> {
  const filter = {
    ...(flags.where !== undefined && { where: flags.where }),
    ...(flags.deleted && { deleted: 'true' as const }),
  };
  const records = await readPages(flags.limit, async (page) => {
    const { records: entries, next } = await client.entities.records(entity, {
      ...filter,
      ...page,
    });
    return { entries, next };
  });
  if (json) {
    printJson({ records });
    return;
  }
  const fields = Object.keys((await client.entities.get(entity)).fields);
  const rows = records.map(({ id, fields: values, ids }) => [
    id,
    ...fields.map((name) => valueText(values[name])),
    idsText(ids),
  ]);
  printTable(['RECORD', ...fields.map((name) => name.toUpperCase()), 'IDS'], rows);
}

async function showOne(
  client: Client,
  { entity, record: id, limit }: { entity: string; record: string; limit: number },
  json: boolean,
): Promise<void> {
  const record = await client.entities.record(entity, id);
  const history = await readPages(limit, (page) => client.entities.history(entity, id, page));
  if (json) {
    printJson({ record, history });
    return;
  }
  for (const [name, value] of Object.entries(record.fields))
    printLine(`${name}: ${valueText(value)}`);
  if (Object.keys(record.ids).length > 0) printLine(`ids: ${idsText(record.ids)}`);
  if (record.mergedInto !== null) printLine(`merged into record ${record.mergedInto}`);
  else if (record.deleted) printLine('deleted');
  printTable(
    ['CYCLE', 'AT', 'WHAT', 'FIELD', 'OLD', 'NEW', 'SOURCE', 'BY'],
    history.flatMap(entryRows),
  );
}

async function showOrigins(
  client: Client,
  entity: string,
  id: string,
  json: boolean,
): Promise<void> {
  const record = await client.entities.origins(entity, id);
  if (json) {
    printJson({ record });
    return;
  }
  printTable(
    ['FIELD', 'WHAT', 'VALUE', 'SOURCE', 'AT', 'BY', 'REASON'],
    Object.entries(record.provenance).flatMap(([field, { lost, ...origin }]) => [
      originRow(field, 'is', origin),
      ...lost.map((one) => originRow(field, one.how, one)),
    ]),
  );
}

function originRow(
  field: string,
  what: string,
  { value, source, at, by, reason = '' }: Omit<OriginJson, 'lost' | 'cycle'>,
): string[] {
  return [field, what, valueText(value), source, at ?? '', by, reason];
}

/** Returns a row for each thing that a cycle did to a record. */
function entryRows(entry: EntryJson): string[][] {
  const head = [String(entry.cycle), entry.at];
  const lines = [
    ...entry.changes.map(({ field, old, new: value, source, by }) => [
      ...head,
      entry.operation,
      field,
      valueText(old),
      valueText(value),
      source,
      by,
    ]),
    ...entry.refused.map(({ field, value, source, by }) => [
      ...head,
      'refused',
      field,
      '',
      valueText(value),
      source,
      by,
    ]),
    ...entry.ids.map(({ system, id, change, by }) => [...head, change, '', '', id, system, by]),
    ...entry.merged.map((other) => [...head, `${entry.operation} with`, '', '', other, '', '']),
  ];
  return lines.length > 0 ? lines : [[...head, entry.operation, '', '', '', '', '']];
}

function valueText(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function idsText(ids: GoldenJson['ids']): string {
  return Object.entries(ids)
    .map(([system, of]) => `${system} ${of.join(' ')}`)
    .join(', ');
}
