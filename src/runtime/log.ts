import { pino, type Logger } from 'pino';

/** What Sluice says while it runs, on standard error as JSON lines; ids and counts only (R1). */
export const logger: Logger = pino({ level: 'info', base: null }, pino.destination(2));
