import { pino, type Logger } from 'pino';
import { bugOf } from '../model/bug.ts';

/** What Sluice says while it runs, on standard error as JSON lines; ids and counts only (R1). */
export const logger: Logger = pino({ level: 'info', base: null }, pino.destination(2));

/** Logs an error that nobody foresaw, without what it was about (R1). */
export function logBug(error: unknown): void {
  const { name, at, frames } = bugOf(error);
  logger.error({ bug: name, at, frames }, 'unexpected error');
}

/** Ends the process on an error that nobody caught; Node itself would print its message, cause and properties (R1). */
export function logCrashes(): void {
  process.once('uncaughtException', (error) => {
    logBug(error);
    process.exit(1);
  });
}
