import { Presets, SingleBar } from 'cli-progress';
import type { RunView } from '../api/run-view.ts';

/** Shows how a run goes, on stderr: stdout is for its result. */
export interface Progress {
  show(run: RunView): void;
  stop(): void;
}

/**
 * A live line on a terminal; a line for every change of state when piped; only what a person must decide when `quiet`.
 * @param url where the server listens
 */
export function createProgress(quiet: boolean, url: string): Progress {
  if (quiet) return plainLines((run) => approvalOf(run, url));
  if (process.stderr.isTTY) return liveLine(url);
  return plainLines((run) => approvalOf(run, url) ?? stateOf(run));
}

function liveLine(url: string): Progress {
  const bar = new SingleBar(
    {
      format: '{state} {bar} {counts} {rate}',
      barsize: 12,
      hideCursor: true,
      clearOnComplete: true,
    },
    Presets.shades_classic,
  );
  const began = Date.now();
  let started = false;
  return {
    show(run) {
      const seconds = Math.max(1, (Date.now() - began) / 1000);
      const payload = {
        state: approvalOf(run, url) ?? stateOf(run),
        counts: countsOf(run),
        rate: `${Math.round(run.stats.imported / seconds)}/s`,
      };
      const { imported } = run.stats;
      const written = imported - unsettled(run);
      // The size of a source is not known: the bar shows how far writing is behind reading.
      if (started) bar.setTotal(Math.max(imported, 1));
      else bar.start(Math.max(imported, 1), written, payload);
      started = true;
      bar.update(written, payload);
    },
    stop: () => bar.stop(),
  };
}

function plainLines(textOf: (run: RunView) => string | undefined): Progress {
  let last: string | undefined;
  return {
    show(run) {
      const state = textOf(run);
      if (state === undefined || state === last) return;
      last = state;
      process.stderr.write(`${run.id} ${state}\n`);
    },
    stop() {},
  };
}

function unsettled({ stats }: RunView): number {
  const { imported, created, updated, unchanged, skipped, errors } = stats;
  return Math.max(0, imported - created - updated - unchanged - skipped - errors);
}

function countsOf({ stats }: RunView): string {
  const { imported, created, updated, errors } = stats;
  return `${imported} imported, ${created} created, ${updated} updated, ${errors} errors`;
}

function approvalOf({ removal, status, links }: RunView, url: string): string | undefined {
  if (!removal || status !== 'paused') return undefined;
  const { remove, of } = removal;
  return `would remove ${remove} of ${of} records and waits; approve with POST ${url}${links.self}/approve`;
}

function stateOf({ status, phase, waitingUntil }: RunView): string {
  if (waitingUntil !== null) return `${status}, waits until ${waitingUntil}`;
  return status === 'running' ? `${status} (${phase})` : status;
}
