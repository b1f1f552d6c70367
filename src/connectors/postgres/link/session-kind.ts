import type pg from 'pg';

/** What a url may say in `target_session_attrs`. */
export const sessionKinds = [
  'any',
  'read-write',
  'read-only',
  'primary',
  'standby',
  'prefer-standby',
] as const;

/** Which of several servers is wanted. */
export type SessionKind = (typeof sessionKinds)[number];

/** What a server is. */
export interface ServerState {
  readonly standby: boolean;
  /** Whether transactions only read unless they say otherwise. */
  readonly readOnly: boolean;
}

const accepts: Readonly<Record<SessionKind, (server: ServerState) => boolean>> = {
  any: () => true,
  'read-write': ({ readOnly }) => !readOnly,
  'read-only': ({ readOnly }) => readOnly,
  primary: ({ standby }) => !standby,
  standby: ({ standby }) => standby,
  'prefer-standby': ({ standby }) => standby,
};

/** Why a server is not of the wanted kind; null where it is. */
export function unfit(server: ServerState, wanted: SessionKind): string | null {
  if (accepts[wanted](server)) return null;
  if (server.standby) return 'is a standby';
  return server.readOnly ? 'only reads' : 'is a primary that takes writes';
}

/** Asks a server what it is. @param timeoutMs longest it may take to answer */
export async function serverState(client: pg.ClientBase, timeoutMs: number): Promise<ServerState> {
  const text = `SELECT pg_is_in_recovery() AS standby,
    current_setting('transaction_read_only') = 'on' AS read_only`;
  const config = { text, query_timeout: timeoutMs };
  const { rows } = await client.query<Record<string, string>>(config);
  return { standby: rows[0]?.['standby'] === 't', readOnly: rows[0]?.['read_only'] === 't' };
}
