import type { Stats } from '../../model/outcome.ts';
import type { StopAfter } from '../../model/stop-after.ts';

/** The fewest imported records of which a share of errors counts, unless there are no more. */
const fewest = 100;

/**
 * Returns why a run has too many record errors to go on; null when it may go on.
 * @param complete true when the whole source has been read
 */
export function tooManyErrors(
  { errors: most, fraction }: StopAfter,
  { imported, errors }: Pick<Stats, 'imported' | 'errors'>,
  complete: boolean,
): string | null {
  const said = `${errors} of ${imported} imported records failed, more than stopAfter allows`;
  if (most !== undefined && errors > most) return `${said} (errors: ${most})`;
  if (fraction === undefined || (imported < fewest && !complete)) return null;
  return errors > fraction * imported ? `${said} (fraction: ${fraction})` : null;
}
