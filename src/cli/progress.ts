import { Presets, SingleBar } from 'cli-progress';
import type { RunView } from '../api/views/run-view.ts';
import { stageCounts } from './summary.ts';

/** Shows the progress of a run on stderr, since stdout is for its result. */
export interface Progress {
  show(run: RunView): void;
  stop(): void;
}

/**
 * Creates a progress display: a live line on a terminal, else a line for every change of state. With `quiet` it only
 * shows a removal that a person must approve.
 * @param url the url at which the server listens
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
      const written = imported - inFlight(run);
      // The size of a source is not known, so the bar shows how far writing is behind reading.
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

function inFlight({ stats }: RunView): number {
  const { imported, created, updated, unchanged, skipped, errors } = stats;
  return Math.max(0, imported - created - updated - unchanged - skipped - errors);
}

function countsOf(run: RunView): string {
  if (run.stages !== undefined) return cycleCounts(run);
  const { imported, created, updated, errors } = run.stats;
  return `${imported} imported, ${created} created, ${updated} updated, ${errors} errors`;
}

/** Returns the counts of a cycle: those of its destinations, else of the latest stage that has any. */
function cycleCounts({ stages = [], children = [] }: RunView): string {
  if (children.length > 0) {
    return children
      .map(({ destination, stats }) => `${destination} ${stats.exported}/${stats.imported}`)
      .join(', ');
  }
  const stage = stages.findLast(({ counts }) => stageCounts(counts) !== '');
  return stage === undefined ? '' : stageCounts(stage.counts);
}

function approvalOf(run: RunView, url: string): string | undefined {
  for (const { removal, status, links, destination } of [run, ...(run.children ?? [])]) {
    if (!removal || status !== 'paused') continue;
    const { remove, of, reason } = removal;
    const who = destination === null ? '' : `${destination} `;
    return `${who}would remove ${remove} of ${of} records and waits${reason === undefined ? '' : `, since ${reason}`}; approve with POST ${url}${links.self}/approve`;
  }
  return undefined;
}

function stateOf({ status, phase, waitingUntil, children = [] }: RunView): string {
  if (waitingUntil !== null) return `${status}, waits until ${waitingUntil}`;
  if (status !== 'running') return status;
  const parts = children.map((child) => `${child.destination} ${stateOf(child)}`);
  return [`${status} (${phase})`, ...parts].join('; ');
}
