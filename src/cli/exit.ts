import { CommanderError, InvalidArgumentError } from 'commander';
import { ProjectError } from '../project/problem.ts';
import { ApiError } from './api-error.ts';

/** The exit codes, on which users' scripts rely. */
export const exitCodes = { completed: 0, failed: 1, wrongUsage: 2 } as const;

/** The command was called wrongly, or something that it needs is missing. Exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** Prints the error and returns its exit code. */
export function reportError(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.completed : exitCodes.wrongUsage;
  }
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${message}\n`);
  if (json) process.stdout.write(`${JSON.stringify({ error: describe(error, message) })}\n`);
  return isWrongUse(error) ? exitCodes.wrongUsage : exitCodes.failed;
}

function isWrongUse(error: unknown): boolean {
  if (error instanceof ApiError) return [400, 404, 422].includes(error.status);
  return error instanceof UsageError || error instanceof ProjectError;
}

function describe(error: unknown, message: string): object {
  if (error instanceof ProjectError) return { code: 'invalid_project', problems: error.problems };
  if (error instanceof UsageError) return { code: 'wrong_usage', message };
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'failed';
  return { code, message };
}

/** Returns a parser of an option's whole number of at least `from`. */
export function wholeNumber(from: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= from) return value;
    throw new InvalidArgumentError(`must be a whole number of at least ${from}.`);
  };
}
