import { TransientError } from '../../model/failure.ts';

/** Codes of the socket, and classes of SQLSTATE that pass by themselves or by an operator's hand, not by a change here. */
const codes = /^(E[A-Z_]+|08...|25006|25P0[34]|28...|3D000|40...|53...|55...|57...|58...)$/;
const messages =
  /connection terminated|timeout|not queryable|connection error|after calling end|ended by other party/i;

/**
 * The failure that `error` of the state database stands for when the database could not be reached, or refused for
 * a reason that passes; undefined where the query itself is to blame.
 */
export function stateOutage(error: unknown): TransientError | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const outage =
    typeof code === 'string'
      ? codes.test(code)
      : typeof message === 'string' && messages.test(message);
  if (!outage) return undefined;
  // The cause is left out: its text may hold the address.
  return new TransientError('state_unavailable', 'the state database does not answer');
}
