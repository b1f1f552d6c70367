import { z } from 'zod';
import { durationSchema, milliseconds } from '../../model/duration.ts';
import { allModes } from '../../model/mode.ts';
import { defineConnector } from '../contract/connector.ts';
import { destinationOptions, openDestination } from './destination.ts';
import { legacyEncodings } from './values/legacy-text.ts';
import { Link } from './link/link.ts';
import { openSource, sourceOptions } from './read/source.ts';

const settings = z.strictObject({
  url: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must be a postgres:// URL')
    .describe(
      'Where the database is and who logs in: postgres://user:password@host:5432/database, with special characters of user and password percent-encoded. Several hosts (host1:5432,host2) are tried in order; target_session_attrs=any, read-write, read-only, primary, standby or prefer-standby says which is wanted. sslmode as in libpq. Poolers in session and transaction mode are welcome.',
    ),
  statementTimeout: durationSchema
    .default('10m')
    .describe('Longest time one statement may take. Default 10m.'),
  timeout: durationSchema
    .default('1m')
    .describe(
      'Longest the database may leave a connection attempt unanswered, or a COPY without taking a byte. Default 1m.',
    ),
  ssl: z
    .enum(['disable', 'require', 'verify'])
    .optional()
    .describe(
      'Encrypt the link; verify also checks the certificate. Default: what sslmode in the url says, else not.',
    ),
  encoding: z
    .enum(legacyEncodings)
    .optional()
    .describe(
      'What the texts of an SQL_ASCII database are in, such as latin1; it can only be read then. Default: UTF-8. Other databases know their encoding.',
    ),
});

/** Settings of a PostgreSQL connection. */
export type PostgresSettings = z.infer<typeof settings>;

/** The connector for PostgreSQL: tables and views, read by COPY and written by staged sets. */
export const postgres = defineConnector<PostgresSettings, Link>({
  type: 'postgres',
  title: 'PostgreSQL: tables, views and queries',
  settings,
  secrets: ['url'],
  source: {
    options: sourceOptions,
    sortsByWatermark: () => true,
    open: openSource,
  },
  destination: {
    options: destinationOptions,
    modes: () => allModes,
    open: openDestination,
  },
  connect({ statementTimeout, timeout, ...reach }, { connection }) {
    const statementTimeoutMs = milliseconds(statementTimeout);
    return new Link({ connection, ...reach, statementTimeoutMs, timeoutMs: milliseconds(timeout) });
  },
});
