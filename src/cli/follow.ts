import type { RunView } from '../api/views/run-view.ts';
import { isOver } from '../model/run.ts';
import type { Client } from './client.ts';

/** Waits until a run is over, and calls `seen` with every state on the way; returns the last one. */
export async function followRun(
  client: Client,
  first: RunView,
  seen: (run: RunView) => void,
): Promise<RunView> {
  let run = first;
  seen(run);
  if (isOver(run.status)) return run;
  for await (run of client.runs.follow(first.id)) seen(run);
  return run;
}
