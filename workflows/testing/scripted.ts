import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
  defineSignal,
  proxyLocalActivities,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import type { Ended } from '../../activities/activities.ts';
import { noStats } from '../../src/model/outcome.ts';
import type { Removal } from '../../src/model/run.ts';
import { stagingLost, type RunResult } from '../../src/model/workflow.ts';
import { Pipeline } from '../pipeline.ts';
import { RunLife } from '../run-life.ts';
import { pausable } from '../pausable.ts';

const { nextActivation } = proxyLocalActivities<{ nextActivation(): Promise<void> }>({
  startToCloseTimeout: '10s',
});

/** What a pipeline is given, and what is done to it, turn by turn. */
export interface PipelineScript {
  readonly exportsAtOnce: number;
  /** How many chunks each page has. Default: one. After the last page the source is at its end. */
  readonly pages: readonly number[];
  /** Absent: the destination matches a chunk as it applies it. */
  readonly matches?: {
    /** Chunks that must wait for the exports before them. */
    readonly waiting: readonly number[];
  };
  /** The pipeline is told to stop once so many pages were asked for. */
  readonly stopAfter?: number;
  /**
   * A turn each: `export 0` lets that step end, `export 0 fails`, `export 0 is lost` (its staged rows are gone) or `export 0
   * waits` (a long job) end it otherwise; `pause`, `resume`, `cancel`; `nothing` happens, or `later` timers have fired. Several at
   * once: `a & b`.
   */
  readonly turns: readonly string[];
}

/** What a pipeline did. */
export interface PipelineTrace {
  /** What each turn brought about, after what had happened before the first. */
  readonly turns: readonly (readonly string[])[];
  /** How it ended; null where it has not. */
  readonly end: { done: boolean; nextChunk: number; lost: boolean } | { failure: string } | null;
}

/** Runs a pipeline whose steps end when the script says so, and tells what it does. */
export async function scriptedPipeline(script: PipelineScript): Promise<PipelineTrace> {
  return new ScriptedPipeline(script).play();
}

class ScriptedPipeline {
  readonly #script: PipelineScript;
  readonly #log: string[] = [];
  /** How much of the log belongs to earlier turns. */
  #told = 0;
  readonly #answers = new Map<string, string[]>();
  readonly #scope = new CancellationScope();
  #paused = false;
  #pages = 0;
  #end: PipelineTrace['end'] = null;

  constructor(script: PipelineScript) {
    this.#script = script;
  }

  async play(): Promise<PipelineTrace> {
    const running = this.#run();
    const turns = [await this.#turn('nothing')];
    for (const turn of this.#script.turns) turns.push(await this.#turn(turn));
    const trace = { turns, end: this.#end };
    this.#scope.cancel();
    for (const name of this.#answers.keys()) this.#answers.get(name)?.push('ends');
    await running;
    return trace;
  }

  async #run(): Promise<void> {
    const { stopAfter = Infinity } = this.#script;
    const stop = () => this.#pages >= stopAfter;
    try {
      this.#end = await this.#scope.run(() => this.#pipeline().run(0, stop));
    } catch (error) {
      this.#end = { failure: nameOf(error) };
    }
  }

  #pipeline(): Pipeline {
    const { exportsAtOnce, pages, matches } = this.#script;
    return new Pipeline(
      { closed: () => this.#paused },
      {
        exportsAtOnce,
        importPage: async (chunk) => {
          this.#pages += 1;
          await this.#step(`import ${chunk}`);
          const page = pagesUpTo(pages, chunk);
          return { chunks: pages[page] ?? 0, done: page >= pages.length - 1 };
        },
        ...(matches !== undefined && {
          matchChunk: async (chunk: number) => {
            await this.#step(`match ${chunk}`);
            return { waits: matches.waiting.includes(chunk) };
          },
        }),
        exportChunk: async (chunk) => {
          const answer = await this.#step(`export ${chunk}`);
          return answer === 'waits' ? { waitMs: 1 } : { ...noStats, imported: chunk };
        },
        exported: ({ imported: chunk }) => this.#log.push(`exported ${chunk}`),
      },
    );
  }

  /** A step that ends when the script says so. */
  async #step(name: string): Promise<string> {
    this.#log.push(name);
    const answers = this.#answers.get(name) ?? [];
    this.#answers.set(name, answers);
    try {
      await condition(() => answers.length > 0);
    } catch (error) {
      this.#log.push(`${name} cancelled`);
      throw error;
    }
    const answer = answers.shift() ?? '';
    if (answer === 'fails') throw ApplicationFailure.nonRetryable(`${name} failed`);
    if (answer === 'is lost') throw lostRows();
    return answer;
  }

  async #turn(actions: string): Promise<string[]> {
    for (const action of actions.split(' & ')) this.#act(action);
    // All that follows from it has happened by the next activation.
    if (actions === 'later') await sleep(50);
    await nextActivation();
    const from = this.#told;
    this.#told = this.#log.length;
    return this.#log.slice(from);
  }

  #act(action: string): void {
    if (action === 'nothing' || action === 'later') return;
    if (action === 'pause' || action === 'resume') {
      this.#paused = action === 'pause';
      return;
    }
    if (action === 'cancel') {
      this.#scope.cancel();
      return;
    }
    const [, name = '', answer = 'ends'] = /^(\w+ \d+)(?: (.*))?$/.exec(action) ?? [];
    const answers = this.#answers.get(name);
    if (answers === undefined) throw ApplicationFailure.nonRetryable(`"${name}" is not under way`);
    answers.push(answer);
  }
}

/** The page that begins with a chunk. */
function pagesUpTo(pages: readonly number[], chunk: number): number {
  let before = 0;
  return pages.findIndex((chunks) => (before += chunks) > chunk);
}

function nameOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** The failure of an activity whose staged rows are gone. */
function lostRows(): ActivityFailure {
  const cause = ApplicationFailure.nonRetryable('staged rows are gone', stagingLost);
  return new ActivityFailure('failed', 'exportChunk', '1', 'NON_RETRYABLE_FAILURE', 'test', cause);
}

/** Lets the work of {@link scriptedLife} end. */
export const finishSignal = defineSignal('finish');
/** Lets it fail. */
export const failSignal = defineSignal('fail');
/** Makes it ask for a removal. */
export const askSignal = defineSignal<[Removal]>('ask');

/** A run whose work ends when it is told to. */
export async function scriptedLife(input: {
  readonly run: string;
  readonly searchable: boolean;
}): Promise<RunResult> {
  const life = new RunLife({ ...input, status: 'pending', phase: 'open', stats: noStats });
  let finished = false;
  let failed = false;
  let asked: Removal | undefined;
  setHandler(finishSignal, () => void (finished = true));
  setHandler(failSignal, () => void (failed = true));
  setHandler(askSignal, (removal) => void (asked = removal));
  try {
    life.start();
    life.phase = 'sync';
    await pausable(life.gate, () => condition(() => finished || failed || asked !== undefined));
    if (failed) throw ApplicationFailure.nonRetryable('the disk is full', 'full');
    if (asked !== undefined) {
      await life.awaitApproval(asked);
      life.count({ ...noStats, removed: asked.remove });
      await pausable(life.gate, () => condition(() => finished));
    }
    return life.end({ status: 'completed', stats: life.stats, failure: null });
  } catch (error) {
    return life.stop(error, async ({ status, failure }): Promise<Ended> => {
      // It takes a while, and must not be cut short by what stops the run.
      await sleep(1);
      return { status, failure, stats: { ...life.stats, imported: 7 } };
    });
  }
}
