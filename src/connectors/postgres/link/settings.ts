/** The longest time that a transaction may compute, and wait for its client. Milliseconds; 0: for ever. */
export interface TransactionLimits {
  readonly statementMs: number;
  readonly idleMs: number;
}

/**
 * Settings that decide how values are read and printed: the same on every server, whatever its database or role says.
 */
const values = {
  DateStyle: 'ISO, YMD',
  TimeZone: 'UTC',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '3',
  lc_monetary: 'C',
  array_nulls: 'on',
  xmloption: 'content',
  quote_all_identifiers: 'off',
  transform_null_equals: 'off',
  client_encoding: 'UTF8',
  standard_conforming_strings: 'on',
};

/** With these a server finds out within half a minute that its client is gone. */
const keepAlive = {
  tcp_keepalives_idle: '10',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '4',
};

/**
 * Returns a query that applies the settings to the transaction it runs in, and whose column `encoding` is the
 * database's encoding. The settings end with the transaction: behind a pooler the next transaction may run in another
 * session, and this session may serve another client.
 * @param clientEncoding the encoding in which texts are sent and received. Default UTF8
 */
export function localSettings(limits: TransactionLimits, clientEncoding?: string): string {
  const all = {
    ...values,
    ...keepAlive,
    ...(clientEncoding !== undefined && { client_encoding: clientEncoding }),
    statement_timeout: String(limits.statementMs),
    idle_in_transaction_session_timeout: String(limits.idleMs),
  };
  const known = Object.entries(all).map(([name, value]) => set(name, value));
  return `SELECT getdatabaseencoding() AS encoding, ${[...known, ...versioned].join(', ')}`;
}

/**
 * Settings that not every server has. The first ends a statement whose client has gone; else an aborted apply would run
 * on.
 */
const versioned = [
  `CASE WHEN ${has('client_connection_check_interval')} AND version() ~ 'linux|darwin|bsd'
     THEN ${set('client_connection_check_interval', '1s')} END`,
  `CASE WHEN ${has('transaction_timeout')} THEN ${set('transaction_timeout', '0')} END`,
];

function has(name: string): string {
  return `current_setting('${name}', true) IS NOT NULL`;
}

function set(name: string, value: string): string {
  return `set_config('${name}', '${value}', true)`;
}
