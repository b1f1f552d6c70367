import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultPoint } from '../../src/model/fault-point.ts';

/** What shall happen where. */
export interface Fault {
  readonly point: FaultPoint;
  readonly action: 'kill' | 'freeze' | 'throw';
  /** Which passage of the point, counted from 1 in each worker. Default 1. */
  readonly hit?: number;
  /** Only where this sync runs. */
  readonly sync?: string;
  /** Only in this workflow; default: that of `sync`, else any. */
  readonly workflow?: string;
}

/** Plans faults for the workers of a stack that is started with `env`. */
export interface Faults {
  readonly env: Readonly<Record<string, string>>;
  /** Plans a fault in place of the one planned before, if that has not struck yet. */
  plan(fault: Fault): void;
  /** Takes the plan back. */
  clear(): void;
  /** The process that the last plan struck; null until then. */
  struck(): number | null;
  /** Waits, a minute at most, until the last plan strikes. @returns the process that it struck */
  strike(): Promise<number>;
  /** Every point passed so far, with the sync it was passed for. */
  passed(): { point: string; sync: string; workflow: string }[];
  close(): void;
}

/** Faults of one stack. */
export function planFaults(): Faults {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-faults-'));
  const file = join(folder, 'plan.json');
  let count = 0;
  const struck = (): number | null => {
    const mine = `struck-${count}-`;
    const found = readdirSync(folder).find((name) => name.startsWith(mine));
    return found === undefined ? null : Number(found.slice(mine.length));
  };
  return {
    env: { SLUICE_TEST_FAULTS: folder },
    plan({ sync, workflow = sync && `sync/${sync}`, hit = 1, ...fault }) {
      count += 1;
      const plan = { id: String(count), hit, ...fault };
      const whole = { ...plan, ...(workflow !== undefined && { workflow }) };
      // Workers read it at any time: it appears whole.
      writeFileSync(`${file}.new`, JSON.stringify(whole));
      renameSync(`${file}.new`, file);
    },
    clear: () => rmSync(file, { force: true }),
    struck,
    async strike() {
      const deadline = Date.now() + 60_000;
      for (let pid = struck(); ; pid = struck()) {
        if (pid !== null) return pid;
        if (Date.now() > deadline) throw new Error('the fault did not strike');
        await sleep(20);
      }
    },
    passed() {
      const lines = readFileSync(join(folder, 'passed.log'), 'utf8').trim().split('\n');
      return lines.map((line) => {
        const [point = '', workflow = ''] = line.split(' ');
        return { point, sync: workflow.replace('sync/', ''), workflow };
      });
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
