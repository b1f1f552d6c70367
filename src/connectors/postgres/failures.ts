import { DatabaseError } from 'pg';
import { ConfigError, RejectedError, SluiceError, TransientError } from '../../model/failure.ts';

const lostLink = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ABORT_ERR',
]);
const lostLinkText = /terminated|timeout|not queryable|closed|ended|Cannot use a pool/i;
/** The SQLSTATEs that blame the record which was written, as a pattern of both JavaScript and PostgreSQL. */
export const recordStates = '^(21|22|23|44|54|P0|42804)';
const recordState = new RegExp(recordStates);
/** The SQLSTATEs that blame the server or the link, likewise. */
export const systemStates = '^(08|53|55|57|58|25P03|40001|40P01)';
const transientState = new RegExp(systemStates);

/** Whether an error is about the statement that was run, not about the server or the link. */
export function isStatementFault(error: unknown): boolean {
  return error instanceof DatabaseError && !transientState.test(error.code ?? '');
}

/** What a database said of one record: safe to keep (R1). */
export interface RowFault {
  readonly code: string;
  readonly message: string;
  readonly field?: string;
}

/** The record error that `error` stands for; null where the record is not to blame. */
export function rowFault(error: unknown): RowFault | null {
  if (!(error instanceof DatabaseError) || !blamesRecord(error)) return null;
  return faultOf(error.code ?? '', messageOf(error), error.column, error.constraint);
}

/** A policy or a function of the database's own may refuse one record with any SQLSTATE. */
function blamesRecord({ code = '', routine, where }: DatabaseError): boolean {
  if (recordState.test(code)) return true;
  if (code === '42501' && routine === 'ExecWithCheckOptions') return true;
  return raisedBy(where) !== null && !transientState.test(code);
}

/** A record error from the parts of a database error, without the values that PostgreSQL quotes. */
export function faultOf(
  code: string,
  message: string,
  column: string | null | undefined,
  constraint: string | null | undefined,
): RowFault {
  const named = column ?? undefined;
  const text = withoutValues(code, message);
  const full = constraint && !text.includes(constraint) ? `${text} (${constraint})` : text;
  return { code, message: full, ...(named ? { field: named } : {}) };
}

/** As {@link rowFault}, as the error that a records destination throws. */
export function rejection(error: unknown): RejectedError | null {
  const fault = rowFault(error);
  return fault && new RejectedError(fault.code, fault.message, fault.field);
}

/** Classes any error of the driver; errors of Sluice pass through. Drops the cause: its `detail` holds values. */
export function failureOf(error: unknown, connection: string): Error {
  if (error instanceof SluiceError || error instanceof RejectedError) return error;
  const options = { connection };
  if (error instanceof DatabaseError) return stateFailure(error, connection);
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : 'unknown error';
  if (/SASL|password/i.test(message)) {
    return new ConfigError(
      'credentials',
      `${connection}: the database asks for a password that the url lacks or has wrong`,
      options,
    );
  }
  if (code !== '' && lostLink.has(code)) {
    return new TransientError(
      'connection',
      `${connection}: no link to the database (${code})`,
      options,
    );
  }
  if (lostLinkText.test(message)) {
    return new TransientError(
      'connection',
      `${connection}: the link to the database was lost`,
      options,
    );
  }
  if (code === 'ERR_INVALID_URL' || error instanceof URIError)
    return new ConfigError('invalid_url', `${connection}: the url cannot be read`, options);
  return error instanceof Error ? error : new Error(message);
}

/** The failure of a link on which no byte has moved for too long. */
export function fellSilent(connection: string): TransientError {
  const message = `${connection}: the database fell silent`;
  return new TransientError('timeout', message, { connection });
}

function stateFailure(error: DatabaseError, connection: string): Error {
  const state = error.code ?? '';
  const options = { connection };
  const text = `${connection}: ${withoutValues(state, messageOf(error))} (${state})`;
  if (state.startsWith('28')) {
    return new ConfigError('credentials', `${connection}: the database refused the login`, options);
  }
  if (state === '3D000') return new ConfigError('unknown_database', text, options);
  if (transientState.test(state)) return new TransientError('connection', text, options);
  if (state === '42501') return new ConfigError('permission_denied', text, options);
  if (state === '42P01' || state === '3F000')
    return new ConfigError('unknown_stream', text, options);
  if (state === '42703') return new ConfigError('unknown_field', text, options);
  if (state.startsWith('42')) return new ConfigError('invalid_query', text, options);
  return new Error(text);
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

/** A function's own text may hold any value: its name stands for it. `isolate` does the same. */
function messageOf({ message, where }: DatabaseError): string {
  const raised = raisedBy(where);
  return raised === null ? message : `refused by ${raised}`;
}

/** The function whose RAISE was the cause; null where there was none. */
function raisedBy(where: string | undefined): string | null {
  return /^(.*) line \d+ at RAISE$/.exec(where?.split('\n', 1)[0] ?? '')?.[1] ?? null;
}

/** Class 22 quotes the value it refuses, which may hold quotes and line breaks itself; other classes quote names only. */
function withoutValues(state: string, message: string): string {
  const text = state.startsWith('22')
    ? message
        .replace(/:\s*".*$/s, '')
        .replace(/".*"/s, '…')
        .replace(/".*$/s, '…')
    : message;
  return text.split('\n', 1)[0] ?? '';
}
