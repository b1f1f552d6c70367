import { ConfigError, LimitedError, TransientError } from '../../../model/failure.ts';
import type { LimitInfo } from '../../../model/quota.ts';
import type { Call } from './call.ts';

/** Failures of a socket that was never open: the call cannot have arrived. */
const notSent = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/**
 * The failure that a call without an answer stands for; the reason of `signal` if that ended it.
 * @param repeatable false: the code is `unknown_outcome` where it is not known whether the call arrived
 */
export function networkFailure(
  error: unknown,
  call: Call,
  connection: string,
  signal: AbortSignal,
  repeatable: boolean,
): unknown {
  if (signal.aborted) return signal.reason;
  const code = codeOf(error);
  // The cause is left out: its text may hold the address with its query.
  if (code !== undefined && notSent.has(code))
    return new TransientError('unreachable', `the API cannot be reached (${code})`, { connection });
  const timedOut = error instanceof Error && error.name === 'TimeoutError';
  const what = timedOut ? 'took too long' : `broke off${code === undefined ? '' : ` (${code})`}`;
  const kind = timedOut ? 'timeout' : 'network';
  return new TransientError(repeatable ? kind : 'unknown_outcome', `${nameOf(call)} ${what}`, {
    connection,
  });
}

/** The failure that a status stands for, whatever was asked; undefined where the caller must judge it. */
export function statusFailure(
  status: number,
  limits: LimitInfo,
  call: Call,
  connection: string,
  repeatable: boolean,
): Error | undefined {
  const options = { connection };
  const said = `${nameOf(call)} was answered ${status}`;
  if (limits.limited) return new LimitedError(said, limits.retryAfterMs, options);
  if (status === 401 || status === 403) return refusedCredentials(call, status, connection);
  if (status === 408 || status >= 500)
    return new TransientError(repeatable ? `http_${status}` : 'unknown_outcome', said, options);
  if (status >= 300 && status < 400)
    return new ConfigError('redirected', `${said}, a redirect: declare the final address`, options);
  return undefined;
}

/** The failure of a call whose credentials were not taken. */
export function refusedCredentials(call: Call, status: number, connection: string): ConfigError {
  const message = `${nameOf(call)} was answered ${status}: check the auth settings and their rights`;
  return new ConfigError('credentials', message, { connection });
}

/** An answer that does not look as the settings say. */
export function unexpected(
  call: Pick<Call, 'method' | 'label'>,
  what: string,
  connection: string,
): ConfigError {
  return new ConfigError('unexpected_answer', `${nameOf(call)}: ${what}`, { connection });
}

function nameOf(call: Pick<Call, 'method' | 'label'>): string {
  return `${call.method} ${call.label}`;
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return codeOf(error.cause);
}
