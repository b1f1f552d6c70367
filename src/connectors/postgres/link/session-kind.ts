import type pg from 'pg';

/** The values of `target_session_attrs` in a url. */
export const sessionKinds = [
  'any',
  'read-write',
  'read-only',
  'primary',
  'standby',
  'prefer-standby',
] as const;

/** The kind of server that is wanted when the url names several. */
export type SessionKind = (typeof sessionKinds)[number];

/** The role of a server. */
export interface ServerState {
  readonly standby: boolean;
  /** True when transactions are read-only unless they say otherwise. */
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

/** Returns the reason why a server is not of the wanted kind; null when it is. */
export function whyUnfit(server: ServerState, wanted: SessionKind): string | null {
  if (accepts[wanted](server)) return null;
  if (server.standby) return 'is a standby';
  return server.readOnly ? 'only reads' : 'is a primary that takes writes';
}

/**
 * Asks a server for its role.
 * @param timeoutMs the longest time it may take to answer
 */
export async function serverState(client: pg.ClientBase, timeoutMs: number): Promise<ServerState> {
  const text = `SELECT pg_is_in_recovery() AS standby,
    current_setting('transaction_read_only') = 'on' AS read_only`;
  const config = { text, query_timeout: timeoutMs };
  const { rows } = await client.query<Record<string, string>>(config);
  return { standby: rows[0]?.['standby'] === 't', readOnly: rows[0]?.['read_only'] === 't' };
}
