import type { Migration } from 'kysely';
import { initial } from './0001-initial.ts';

/** Every migration by number; a released one is never edited. */
export const migrations: Record<string, Migration> = {
  '0001-initial': initial,
};
