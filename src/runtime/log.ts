import { pino, type Logger } from 'pino';
import { bugOf } from '../model/bug.ts';

/** Sluice's log: JSON lines on standard error, with ids and counts only (R1). */
export const logger: Logger = pino({ level: 'info', base: null }, pino.destination(2));

/** Logs an unforeseen error without its message and values (R1). */
export function logBug(error: unknown): void {
  const { name, at, frames } = bugOf(error);
  logger.error({ bug: name, at, frames }, 'unexpected error');
}

/**
 * Logs an error that nobody caught and ends the process. Node itself would print its message, cause and properties
 * (R1).
 */
export function logCrashes(): void {
  process.once('uncaughtException', (error) => {
    logBug(error);
    process.exit(1);
  });
}
