import { appendFileSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { armFaultPoints, type FaultPoint } from '../model/fault-point.ts';

/** The fault that a test plans, in `plan.json` of the folder. */
interface Plan {
  readonly id: string;
  readonly point: FaultPoint;
  /** The passage of the point at which it strikes, counted from 1 in each process. */
  readonly hit: number;
  /** Kills the process, freezes it until SIGCONT, or makes the step fail. */
  readonly action: 'kill' | 'freeze' | 'throw';
  /** A workflow id: only its activities count. */
  readonly workflow?: string;
}

/**
 * Lets tests inject faults into this process at fault points. A test plans a fault as `plan.json` in `folder`. The
 * process that meets it first takes the file away, so that each plan strikes once. Every passage is logged in
 * `passed.log`.
 */
export function armTestFaults(folder: string): void {
  const hits = new Map<string, number>();
  armFaultPoints((point) => {
    appendFileSync(join(folder, 'passed.log'), `${point} ${workflowId() ?? ''}\n`);
    const plan = readPlan(folder);
    if (plan?.point !== point) return;
    if (plan.workflow !== undefined && plan.workflow !== workflowId()) return;
    const hit = (hits.get(plan.id) ?? 0) + 1;
    hits.set(plan.id, hit);
    if (hit >= plan.hit && take(folder, plan)) strike(plan);
  });
}

function strike({ action, point }: Plan): void {
  if (action === 'throw') throw new Error(`fault at ${point}`);
  process.kill(process.pid, action === 'kill' ? 'SIGKILL' : 'SIGSTOP');
}

function readPlan(folder: string): Plan | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8')) as Plan;
  } catch {
    return undefined;
  }
}

/** True when this process is the one to strike. */
function take(folder: string, { id }: Plan): boolean {
  try {
    renameSync(join(folder, 'plan.json'), join(folder, `struck-${id}-${process.pid}`));
    return true;
  } catch {
    return false;
  }
}

function workflowId(): string | undefined {
  try {
    return Context.current().info.workflowExecution?.workflowId;
  } catch {
    return undefined; // outside of an activity
  }
}
