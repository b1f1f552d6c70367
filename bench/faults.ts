import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDatabase, type Database } from '../test/support/database.ts';
import type { Command, Peer, Round } from './contenders/contender.ts';
import { openPeers } from './contenders/peers.ts';
import { openSluice } from './contenders/sluice.ts';
import { startCluster } from './support/cluster.ts';
import { digest, fillCustomers, thinCustomers, touchCustomers } from './support/customers.ts';
import { say } from './support/measure.ts';
import { isWanted, type BenchOptions } from './support/options.ts';
import { readResults, writeResults } from './support/results.ts';
import { main, startSluice, type Sluice } from './support/sluice.ts';

/** The behaviour of a tool when something goes wrong. */
export interface Faults {
  readonly title: string;
  /** The number of rows that arrive, of 1,000 changed ones of which the destination refuses one. */
  readonly applied: number;
  /** After `kill -9` at half time: rows in the destination, until then and when it is run again; seconds. */
  readonly killed: {
    readonly rows: number;
    readonly there: number;
    readonly whole: number;
    readonly again: number;
  };
  /** The number of rows that are removed, of ten that were deleted in the source. */
  readonly removed: number;
}

/** A tool under test. `cut` kills what moves the data after so many seconds. */
interface Subject {
  readonly title: string;
  readonly destination: Database;
  reset(round: Round): Promise<void>;
  /** Returns seconds and whether it succeeded. */
  run(what: 'S1' | 'S2' | 'S4', round: Round, cut?: number): Promise<Outcome>;
  /** True when the tool goes on by itself after the kill. */
  readonly goesOn: boolean;
}

interface Outcome {
  readonly ok: boolean;
  readonly seconds: number;
}

/** Measures how each tool handles a bad row, `kill -9` and deletes. */
export async function benchFaults(options: BenchOptions): Promise<void> {
  const cluster = await startCluster();
  const sluice = isWanted(options, 'sluice') ? await startSluice() : undefined;
  try {
    const source = await createDatabase('source');
    const subjects = [
      ...(sluice ? [await sluiceSubject(sluice, source)] : []),
      ...(options.peers ? await openPeers(source, options) : []).map(peerSubject),
    ];
    const before = options.add ? readResults<readonly Faults[]>('faults')?.data : undefined;
    const results = new Map(before?.map((faults) => [faults.title, faults]));
    for (const [no, subject] of subjects.entries()) {
      const round = (rows: number, part: number): Round => ({
        no: no * 3 + part,
        source,
        rows,
        watermark: '',
      });
      const faults = {
        title: subject.title,
        applied: await badRow(subject, round(1000, 0)),
        removed: await deletes(subject, round(1000, 1)),
        killed: await kill(subject, round(options.rows ?? 200_000, 2)),
      };
      say(JSON.stringify(faults));
      results.set(subject.title, faults);
      writeResults('faults', [...results.values()], cluster.version);
    }
  } finally {
    await sluice?.close();
    await cluster.stop();
  }
}

async function load(subject: Subject, round: Round): Promise<Outcome> {
  await fillCustomers(round.source, round.rows);
  await subject.reset(round);
  const outcome = await subject.run('S1', round);
  assert.equal(outcome.ok, true, `${subject.title} could not load`);
  return outcome;
}

async function badRow(subject: Subject, round: Round): Promise<number> {
  const { destination } = subject;
  await load(subject, round);
  await destination.query('ALTER TABLE public.customers ADD CHECK (amount >= 0)');
  await touchCustomers(round.source, 1);
  await round.source.query('UPDATE public.customers SET amount = -1 WHERE id = 500');
  await subject.run('S2', round);
  return counted(destination, `plan LIKE 'touched%'`);
}

async function deletes(subject: Subject, round: Round): Promise<number> {
  await load(subject, round);
  await thinCustomers(round.source, 100);
  await subject.run('S4', round);
  return round.rows - (await counted(subject.destination, 'true'));
}

async function kill(subject: Subject, round: Round): Promise<Faults['killed']> {
  const { seconds: whole } = await load(subject, round);
  await subject.reset(round);
  const first = await subject.run('S1', round, whole / 2);
  const there = await counted(subject.destination, 'true');
  const second = subject.goesOn ? first : await subject.run('S1', round);
  assert.equal(await digest(subject.destination), await digest(round.source));
  return { rows: round.rows, there, whole, again: second.seconds };
}

async function counted(db: Database, condition: string): Promise<number> {
  if ((await db.value(`SELECT to_regclass('public.customers')`)) === null) return 0;
  return Number(await db.value(`SELECT count(*) FROM public.customers WHERE ${condition}`));
}

function peerSubject(peer: Peer): Subject {
  return {
    ...peer,
    goesOn: false,
    run: (what, round, cut) => run(peer.commandOf(what === 'S4' ? 'S2' : what, round), cut),
  };
}

async function sluiceSubject(sluice: Sluice, source: Database): Promise<Subject> {
  const contender = await openSluice(sluice, source);
  const { stack } = sluice;
  const syncs = { S1: 'all', S2: 'all', S4: 'mirror' };
  return {
    ...contender,
    goesOn: true,
    run: async (what, { no }, cut) => {
      if (cut !== undefined) {
        const [worker] = stack.workerPids();
        void sleep(cut * 1000).then(() => process.kill(worker ?? 0, 'SIGKILL'));
      }
      const args = [main, 'run', `${syncs[what]}-${no}`, '--json'];
      return run({ command: process.execPath, args, env: { SLUICE_URL: stack.url } });
    },
  };
}

/** Runs a command; after `cut` seconds its whole process group is killed. */
async function run({ command, args, env }: Command, cut?: number): Promise<Outcome> {
  const start = performance.now();
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: 'ignore',
    detached: true,
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const timer =
    cut !== undefined && setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), cut * 1000);
  const code = await ended;
  if (timer) clearTimeout(timer);
  // The statements of the killed process end with its connections, a little later.
  if (cut !== undefined) await sleep(1000);
  return { ok: code === 0, seconds: (performance.now() - start) / 1000 };
}
