import { DatabaseError } from 'pg';
import { withoutValues } from './redact.ts';
import { recordStates, systemStates } from './states.ts';
import { stateFailure } from './state-failure.ts';
import { ConfigError, RejectedError, SluiceError, TransientError } from '../../../model/failure.ts';

const lostLinkText = /terminated|timeout|not queryable|closed|ended|Cannot use a pool/i;
/** Matches the code that Node or OpenSSL gives a TLS error. */
const tlsCode =
  /^(ERR_SSL|ERR_TLS|EPROTO|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH)/;
const tlsText = /SSL/;
const recordState = new RegExp(recordStates);
const systemState = new RegExp(systemStates);
const raising = /^exec_stmt_(raise|assert)$/;

/** True when an error is about the statement, false when it is about the server or the link. */
export function isStatementFault(error: unknown): boolean {
  return error instanceof DatabaseError && !systemState.test(error.code ?? '');
}

/** The part of a database error about one record that is safe to keep (R1). */
export interface RowFault {
  readonly code: string;
  readonly message: string;
  readonly field?: string;
}

/** Returns the record error that `error` stands for; null when no record is to blame. */
export function rowFault(error: unknown): RowFault | null {
  if (!(error instanceof DatabaseError) || !blamesRecord(error)) return null;
  return faultOf(error.code ?? '', messageOf(error), error.column, error.constraint);
}

/**
 * True when a record is to blame. A row security policy or a function of the database may refuse a record with any
 * SQLSTATE.
 */
function blamesRecord(error: DatabaseError): boolean {
  const { code = '', routine, position } = error;
  // Types of extensions report a text that they cannot read as a syntax error. An error in the statement has a
  // position.
  if (code === '42601') return position === undefined;
  if (recordState.test(code)) return true;
  if (code === '42501' && routine === 'ExecWithCheckOptions') return true;
  return raisedBy(error) !== null && !systemState.test(code);
}

/** Builds a record error from the parts of a database error, without the values that PostgreSQL quotes. */
export function faultOf(
  code: string,
  message: string,
  column: string | null | undefined,
  constraint: string | null | undefined,
): RowFault {
  const named = column ?? undefined;
  const text =
    isRaised(code) && !message.startsWith(refusedBy)
      ? `${refusedBy}a function`
      : withoutValues(code, message);
  const full = constraint && !text.includes(constraint) ? `${text} (${constraint})` : text;
  return { code, message: full, ...(named ? { field: named } : {}) };
}

/** Returns the fault of {@link rowFault} as the error that a records destination throws. */
export function rejection(error: unknown): RejectedError | null {
  const fault = rowFault(error);
  return fault && new RejectedError(fault.code, fault.message, fault.field);
}

/**
 * Classes any error of the driver; errors of Sluice pass unchanged. The cause is dropped: its `detail` holds values.
 */
export function failureOf(error: unknown, connection: string): Error {
  if (error instanceof SluiceError || error instanceof RejectedError) return error;
  if (error instanceof DatabaseError) return stateFailure(error, connection, messageOf(error));
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : 'unknown error';
  const config = (kind: string, text: string) =>
    new ConfigError(kind, `${connection}: ${text}`, { connection });
  if (/SASL|password/i.test(message)) {
    return config(
      'credentials',
      'the database asks for a password that the url lacks or has wrong',
    );
  }
  if (tlsCode.test(code))
    return config('tls', `no encrypted link to the database could be made (${code})`);
  if (tlsText.test(message)) {
    return config(
      'tls',
      'the server does not offer TLS: set up TLS there, or use sslmode=prefer or sslmode=disable',
    );
  }
  if (code === 'ERR_INVALID_URL' || code === 'ERR_SOCKET_BAD_PORT' || error instanceof URIError)
    return config('invalid_url', 'the url cannot be read');
  const lost = lostLink(error, code, message);
  if (lost === null) return error instanceof Error ? error : new Error(message);
  return new TransientError('connection', `${connection}: ${lost}`, { connection });
}

/** Says how the link to a server failed; null for an error of another kind. */
function lostLink(error: unknown, code: string, message: string): string | null {
  if (code === 'ENOTFOUND') return `the host of the database is not known (${code})`;
  const isSystem = error instanceof Error && ('syscall' in error || 'errors' in error);
  if (isSystem || /^(ERR_STREAM_PREMATURE_CLOSE|ABORT_ERR)$/.test(code))
    return `no link to the database (${code})`;
  return lostLinkText.test(message) ? 'the link to the database was lost' : null;
}

/** Returns the failure of a link on which no byte has moved for too long. */
export function fellSilent(connection: string): TransientError {
  const message = `${connection}: the database fell silent`;
  return new TransientError('timeout', message, { connection });
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

const refusedBy = 'refused by ';

/**
 * Returns the message to show. A function's own text may hold any value, so the function's name replaces it. `isolate`
 * does the same in SQL.
 */
function messageOf(error: DatabaseError): string {
  const raised = raisedBy(error);
  return raised === null ? error.message : `${refusedBy}${raised}`;
}

/**
 * Returns the name of the function that raised the error by RAISE or ASSERT, as PostgreSQL prints it; null when none
 * did.
 */
function raisedBy({ where, routine }: DatabaseError): string | null {
  const named = /^(.*) line \d+ at (RAISE|ASSERT)$/.exec(where?.split('\n', 1)[0] ?? '')?.[1];
  return named ?? (raising.test(routine ?? '') ? 'a function' : null);
}

/** True when the message that comes with a state is a function's own text. */
function isRaised(state: string): boolean {
  return /^(P000[14]|38|39)/.test(state);
}
