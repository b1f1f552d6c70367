import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultPoint } from '../../src/model/fault-point.ts';

/** A fault, and the place where it happens. */
export interface Fault {
  readonly point: FaultPoint;
  readonly action: 'kill' | 'freeze' | 'throw';
  /** The passage of the point, counted from 1 in each worker. Default 1. */
  readonly hit?: number;
  /** A sync: the fault happens only in its runs. */
  readonly sync?: string;
  /** A workflow id: the fault happens only there. Default: the workflow of `sync`, else any. */
  readonly workflow?: string;
}

/** Plans faults for the workers of a stack that is started with `env`. */
export interface Faults {
  readonly env: Readonly<Record<string, string>>;
  /** Plans a fault. It replaces an earlier one that has not struck yet. */
  plan(fault: Fault): void;
  /** Removes the plan. */
  clear(): void;
  /** Returns the process that the last plan struck; null until then. */
  struck(): number | null;
  /**
   * Waits, at most a minute, until the last plan strikes.
   * @returns the process that it struck
   */
  strike(): Promise<number>;
  /** Returns every point passed so far, with the sync that passed it. */
  passed(): { point: string; sync: string; workflow: string }[];
  close(): void;
}

/** Plans faults for one stack. */
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
      // Workers may read the file at any time, so it must appear complete.
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
