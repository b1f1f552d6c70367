import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseProject } from '../src/project/load.ts';
import type { Project } from '../src/project/project.ts';
import { startEmbeddedPostgres } from '../src/runtime/embedded/postgres.ts';
import { startDev } from '../src/runtime/index.ts';
import { logger } from '../src/runtime/log.ts';

/** A running Sluice of an example. */
export type Dev = Awaited<ReturnType<typeof startDev>>;

/** The place that an example runs in. Everything that it starts here is stopped and removed at its end. */
export interface Stage {
  /** Remembers what is to be stopped, the last first. */
  onEnd(stop: () => Promise<unknown>): void;
  /** Starts a Postgres of its own; returns its URL. */
  startPostgres(): Promise<string>;
  startSluice(project: Project): Promise<Dev>;
  /** Since the beginning, such as `1.5 s`. */
  elapsed(): string;
}

/**
 * Plays an example in a place of its own, tidies up, also after Ctrl-C, and ends the process: with 0 when the example
 * says that all was as it should be.
 */
export async function play(
  name: string,
  example: (stage: Stage) => Promise<boolean>,
): Promise<never> {
  standAlone();
  const { stage, end } = await setStage(name);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void end().finally(() => process.exit(130)));
  let right = false;
  try {
    right = await example(stage);
  } catch (error) {
    console.error(`${name} failed: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await end();
  }
  console.log(`Everything is stopped and removed. ${stage.elapsed()} in all.`);
  return process.exit(right ? 0 : 1);
}

/** The project file of an example lies beside its source, also when this is the compiled copy in `dist`. */
export function readProject(example: string, env: Readonly<Record<string, string>>): Project {
  let root = import.meta.dirname;
  while (!existsSync(join(root, 'package.json'))) root = dirname(root);
  const file = join(root, 'examples', example, 'sluice.yaml');
  return parseProject(readFileSync(file, 'utf8'), file, env);
}

/** An example brings everything it needs: it must not meet a database or a Temporal server of yours. */
function standAlone(): void {
  for (const variable of Object.keys(process.env))
    if (/^(SLUICE_(?!TEMPORAL_CLI)|TEMPORAL_)/.test(variable)) delete process.env[variable];
  logger.level = 'error';
}

async function setStage(name: string): Promise<{ stage: Stage; end: () => Promise<void> }> {
  const began = Date.now();
  const started: (() => Promise<unknown>)[] = [];
  const dir = await mkdtemp(join(tmpdir(), `sluice-${name}-`));
  started.push(() => rm(dir, { recursive: true, force: true }));
  // The user that Postgres runs as, where this is root, must be able to pass through.
  await chmod(dir, 0o711);
  const stage: Stage = {
    onEnd: (stop) => void started.push(stop),
    startPostgres: async () => {
      const own = join(dir, 'source');
      await mkdir(own, { mode: 0o711 });
      const postgres = await startEmbeddedPostgres({ dir: own, log: () => undefined });
      started.push(() => postgres.stop());
      return postgres.url;
    },
    startSluice: async (project) => {
      const dataDir = join(dir, 'sluice');
      const dev = await startDev({ project, dataDir, port: 0, temporalPort: 0, workers: 1 });
      started.push(() => dev.stop());
      return dev;
    },
    elapsed: () => `${((Date.now() - began) / 1000).toFixed(1)} s`,
  };
  let ended: Promise<void> | undefined;
  return { stage, end: () => (ended ??= endAll(started)) };
}

async function endAll(started: (() => Promise<unknown>)[]): Promise<void> {
  for (let stop = started.pop(); stop !== undefined; stop = started.pop())
    await stop().catch((error: unknown) => console.error(`Not stopped: ${String(error)}`));
}
