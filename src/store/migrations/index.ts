import type { Migration } from 'kysely';
import { initial } from './0001-initial.ts';
import { throttle } from './0002-throttle.ts';
import { steer } from './0004-steer.ts';
import { secrets } from './0005-secrets.ts';
import { source } from './0006-source.ts';
import { pace } from './0007-pace.ts';
import { entities } from './0008-entities.ts';
import { warnings } from './0009-warnings.ts';
import { readings } from './0010-readings.ts';
import { jobs } from './0011-jobs.ts';
import { longWindows } from './0012-long-windows.ts';
import { edited } from './0013-edited.ts';
import { refused } from './0014-refused.ts';
import { missing } from './0016-missing.ts';

/** Every migration by number; a released one is never edited. */
export const migrations: Record<string, Migration> = {
  '0001-initial': initial,
  '0002-throttle': throttle,
  '0004-steer': steer,
  '0005-secrets': secrets,
  '0006-source': source,
  '0007-pace': pace,
  '0008-entities': entities,
  '0009-warnings': warnings,
  '0010-readings': readings,
  '0011-jobs': jobs,
  '0012-long-windows': longWindows,
  '0013-edited': edited,
  '0014-refused': refused,
  '0016-missing': missing,
};
