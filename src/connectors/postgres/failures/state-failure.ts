import type { DatabaseError } from 'pg';
import { ConfigError, TransientError } from '../../../model/failure.ts';
import { withoutValues } from './redact.ts';
import { systemStates } from './states.ts';

const system = new RegExp(systemStates);

/** Matches refusals of poolers that no retry mends, although they come with the state of a lost link. */
const poolerRefusal = /startup parameter|no such (user|database)|statement pooling|config error/i;

/** The meaning of other states, and what to do about them. The first match counts. */
const meanings: readonly (readonly [state: RegExp, code: string, remedy: string])[] = [
  [/^3D000/, 'unknown_database', ''],
  [/^42501/, 'permission_denied', 'the login needs that right'],
  [/^(42P01|3F000)/, 'unknown_stream', ''],
  [/^42703/, 'unknown_field', ''],
  [
    /^25006/,
    'read_only',
    'to write, connect to the primary, or to a database that is not set to read-only',
  ],
  [
    /^22021/,
    'invalid_encoding',
    'the database holds text that is not in its encoding: for an SQL_ASCII database set "encoding" to what its texts are in',
  ],
  [/^22P05/, 'invalid_encoding', ''],
  [/^22/, 'invalid_value', 'a value, or what a view or query computes of it, must be mended'],
  [/^21/, 'invalid_value', 'several records stand where one is wanted'],
  [/^(23|44)/, 'constraint', 'a rule of the table does not allow it'],
  [/^(P0|38|39)/, 'refused', 'a function or trigger of the database does not allow it'],
  [/^0A/, 'unsupported', 'this database cannot do it'],
  [/^42/, 'invalid_query', ''],
];

/**
 * Returns the failure of a statement that blames no record. Its text has the state, the objects involved, and what to
 * do.
 */
export function stateFailure(error: DatabaseError, connection: string, message: string): Error {
  const state = error.code ?? '';
  const options = { connection };
  const said = isOfStatement(error) ? message : withoutValues(state, message);
  const text = `${connection}: ${said}${objects(error, said)} (${state})`;
  if (state.startsWith('28')) return refusedLogin(state, said, connection);
  if (state.startsWith('08') && poolerRefusal.test(message))
    return new ConfigError('pooler', text.replace(/(no such user).*/is, '$1'), options);
  if (state.startsWith('XX')) return new TransientError('internal_error', text, options);
  if (system.test(state)) return new TransientError('connection', text, options);
  const [, code, remedy] = meanings.find(([states]) => states.test(state)) ?? unknown;
  return new ConfigError(code, remedy === '' ? text : `${text}: ${remedy}`, options);
}

const unknown = [/^/, 'refused', ''] as const;

/** Matches a name in quotation marks of any language. */
const quotedName = /["«„“»][^"»“”«]*["»“”«]/g;

/**
 * Returns the failure of a login. For state 28000 the server says which of its rules refused it; a wrong password says
 * nothing more. The url is secret and not shown.
 */
function refusedLogin(state: string, said: string, connection: string): ConfigError {
  const reason = state === '28000' ? `: ${said.replaceAll(quotedName, '…')}` : '';
  const message = `${connection}: the database refused the login${reason}`;
  return new ConfigError('credentials', message, { connection });
}

/** True when a syntax error is in the statement's text, such as a query of the user's, and not in a value. */
function isOfStatement({ code, position, where }: DatabaseError): boolean {
  return code === '42601' && position !== undefined && where === undefined;
}

/** Names the objects involved that the message does not name. */
function objects({ table, column, constraint }: DatabaseError, said: string): string {
  const names = Object.entries({ table, column, constraint }).flatMap(([kind, name]) =>
    name === undefined || said.includes(`"${name}"`) ? [] : [`${kind} ${name}`],
  );
  return names.length === 0 ? '' : `, ${names.join(', ')}`;
}
