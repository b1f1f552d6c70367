import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Journal, JournalEntry } from '../../../src/store/runs/journal.ts';
import { ChunkLog, mostNotDurable } from './chunk-log.ts';

const owner = { run: 'r', no: 0, token: 1 };

/** A journal whose statements take their time. */
function slowJournal(): { journal: Journal; durable: number[] } {
  const durable: number[] = [];
  const write = async (_: object, { entries }: { entries: readonly JournalEntry[] }) => {
    await sleep(50);
    durable.push(...entries.map(({ seq }) => seq));
  };
  return { journal: { write } as unknown as Journal, durable };
}

test('closing waits for the statement under way and for the one that follows it', async () => {
  const { journal, durable } = slowJournal();
  const log = new ChunkLog(journal, owner);
  const first = log.announce([1]);
  await sleep(10);
  const second = log.announce([2]);
  await log.close();
  expect(durable).toEqual([1, 2]);
  await Promise.all([first, second]);
});

test('nothing more is sent while a slow statement leaves many outcomes in doubt', async () => {
  const { journal, durable } = slowJournal();
  const log = new ChunkLog(journal, owner);
  const numbers = Array.from({ length: mostNotDurable.outcomes }, (_, seq) => seq);
  const [last = 0] = numbers.splice(-1);
  const ok = { ok: true } as const;
  log.note(numbers.map((seq) => ({ seq, outcome: ok })));
  await log.confirm();
  expect(durable).toEqual([]);
  log.note([{ seq: last, outcome: ok }]);
  await log.confirm();
  expect(durable).toHaveLength(mostNotDurable.outcomes);
  await log.close();
});

test('of large calls some may be in doubt', async () => {
  const { journal, durable } = slowJournal();
  const log = new ChunkLog(journal, owner);
  const ok = { ok: true } as const;
  log.note(
    Array.from({ length: 100 * mostNotDurable.calls - 1 }, (_, seq) => ({ seq, outcome: ok })),
  );
  await log.confirm(100);
  expect(durable).toEqual([]);
  log.note([{ seq: 100 * mostNotDurable.calls, outcome: ok }]);
  await log.confirm(100);
  expect(durable).toHaveLength(100 * mostNotDurable.calls);
  await log.close();
});

test('answers that came while the state database was down become durable when it is back', async () => {
  const { journal, durable } = slowJournal();
  const write = journal.write.bind(journal);
  let failures = 2;
  journal.write = async (...args) => {
    if (failures-- > 0) throw new Error('down');
    return write(...args);
  };
  const log = new ChunkLog(journal, owner);
  log.note([{ seq: 1, outcome: { ok: true } }]);
  await log.close();
  expect(durable).toEqual([1]);
});
