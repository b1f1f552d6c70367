import { Presets, SingleBar } from 'cli-progress';

/** Shows how far a run is. */
export interface Progress {
  show(done: number, note: string): void;
  stop(): void;
}

/** A bar on a terminal; a line for every tenth when piped. */
export function createProgress(what: string, total: number): Progress {
  return process.stdout.isTTY ? bar(what, total) : lines(what, total);
}

function bar(what: string, total: number): Progress {
  const format = `  ${what} {bar} {percentage}% | {value}/{total} | {note}`;
  const single = new SingleBar({ format, barsize: 30, hideCursor: true }, Presets.shades_classic);
  single.start(total, 0, { note: '' });
  return {
    show: (done, note) => single.update(done, { note }),
    stop: () => single.stop(),
  };
}

function lines(what: string, total: number): Progress {
  let shown = -1;
  return {
    show(done, note) {
      const tenth = Math.floor((done / total) * 10);
      if (tenth === shown) return;
      shown = tenth;
      console.log(`  ${what} ${tenth * 10}% (${done}/${total}) ${note}`);
    },
    stop() {},
  };
}
