import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

/** The kind of machine that the results come from. Nothing here names the machine itself. */
export interface Machine {
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly postgres?: string;
}

/** A results file. */
export interface Results<T> {
  readonly measured: string;
  readonly machine: Machine;
  readonly data: T;
}

const file = (name: string) => fileURLToPath(new URL(`../results/${name}.json`, import.meta.url));

/** Writes `bench/results/<name>.json`. @param postgres the version of the measured databases */
export function writeResults(name: string, data: unknown, postgres?: string): void {
  const results: Results<unknown> = {
    measured: new Date().toISOString().slice(0, 10),
    machine: {
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      node: process.version,
      ...(postgres !== undefined && { postgres }),
    },
    data,
  };
  writeFileSync(file(name), `${JSON.stringify(results, rounded, 1)}\n`);
}

/** Reads them back; undefined before the first run. */
export function readResults<T>(name: string): Results<T> | undefined {
  if (!existsSync(file(name))) return undefined;
  return JSON.parse(readFileSync(file(name), 'utf8')) as Results<T>;
}

function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(5)) : value;
}
