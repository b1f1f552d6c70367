import type { Stats } from '../../model/outcome.ts';
import type { StopAfter } from '../../model/stop-after.ts';

/** A share of fewer records says little, unless there are no more. */
const fewest = 100;

/**
 * Why a run has too many record errors to go on; null when it has not.
 * @param complete the whole source has been read
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
