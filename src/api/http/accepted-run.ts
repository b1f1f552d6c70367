import type { Context } from 'hono';
import type { Run } from '../../model/run.ts';
import { runView } from '../views/run-view.ts';
import type { RunService } from '../services.ts';

/** Answers 202 with a run, and its place in `Location`. */
export async function acceptedRun(c: Context, runs: RunService, run: Run) {
  const view = runView(run, await runs.children([run]));
  return c.json(view, 202, { Location: view.links.self });
}
