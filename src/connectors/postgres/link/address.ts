import { ConfigError } from '../../../model/failure.ts';
import { sessionKinds, type SessionKind } from './session-kind.ts';
import { sslModes, type CertificateFiles, type SslMode } from './tls.ts';

/** One of the servers of a url. */
export interface Server {
  /** `host:port`, as the url gives it. */
  readonly name: string;
  /** A url of this server alone, for the driver, without TLS parameters. */
  readonly url: string;
  /** True when it is reached through a socket of this machine, where there is no TLS. */
  readonly local: boolean;
}

/** The parts of a url. */
export interface Address {
  /** The servers in the order in which they are tried. */
  readonly servers: readonly Server[];
  readonly wanted: SessionKind;
  readonly sslmode: SslMode | undefined;
  readonly files: CertificateFiles;
  /** The longest time for one attempt to connect, in milliseconds; undefined when the url does not say. */
  readonly connectMs: number | undefined;
}

const shape = /^(postgres(?:ql)?:\/\/)([^/?]*)(\/[^?]*)?(?:\?(.*))?$/s;
const encode =
  'special characters of user and password must be percent-encoded: # as %23, / as %2F, ? as %3F, @ as %40';

/**
 * Reads a url as libpq does: `postgres://user:password@host:port,host:port/database?parameter=value&…`.
 * @throws ConfigError `invalid_url`; the message says what to write instead and holds nothing of the url
 */
export function addressOf(url: string, connection: string): Address {
  const invalid = (reason: string) =>
    new ConfigError('invalid_url', `${connection}: the url cannot be read: ${reason}`, {
      connection,
    });
  const parts = shape.exec(url);
  const [, scheme = '', authority = '', path = '', query = ''] = parts ?? [];
  const misread = path.includes('@') || /^[^=]*@/.test(query);
  if (!parts || url.includes('#') || misread) throw invalid(encode);
  const parameters = new URLSearchParams(query);
  const oneOf = <T extends string>(name: string, values: readonly T[]): T | undefined => {
    const value = take(parameters, name);
    if (value === null) return undefined;
    const known = values.find((each) => each === value);
    if (known === undefined) throw invalid(`${name} must be one of ${values.join(', ')}`);
    return known;
  };
  const wanted = oneOf('target_session_attrs', sessionKinds) ?? 'any';
  const sslmode = oneOf('sslmode', sslModes);
  const files = {
    sslrootcert: take(parameters, 'sslrootcert'),
    sslcert: take(parameters, 'sslcert'),
    sslkey: take(parameters, 'sslkey'),
  };
  const connectSeconds = Number(take(parameters, 'connect_timeout') ?? 0);
  const credentials = authority.slice(0, authority.lastIndexOf('@') + 1);
  const hosts = hostsOf(authority.slice(credentials.length), parameters);
  if (hosts === null) throw invalid(`a port is not a number; ${encode}`);
  const servers = hosts.map(({ host, port }): Server => {
    const own = new URLSearchParams(parameters);
    if (host !== '') own.set('host', host);
    if (port !== '') own.set('port', port);
    const place = host === '' ? '' : 'localhost';
    return {
      name: `${host || 'localhost'}:${port || '5432'}`,
      url: `${scheme}${credentials}${place}${path}?${own.toString()}`,
      local: host.startsWith('/'),
    };
  });
  const connectMs = connectSeconds > 0 ? connectSeconds * 1000 : undefined;
  return { servers, wanted, sslmode, files, connectMs };
}

interface Host {
  readonly host: string;
  readonly port: string;
}

/** Returns the hosts of the url's authority, or those that its parameters name; null when a port is not a number. */
function hostsOf(authority: string, parameters: URLSearchParams): Host[] | null {
  const inParameters = take(parameters, 'host')?.split(',');
  const inAuthority = authority.split(',').map(splitHost);
  const ports = take(parameters, 'port')?.split(',') ?? [];
  const named: Host[] = inParameters?.map((host) => ({ host, port: '' })) ?? inAuthority;
  const hosts = named.map(({ host, port }, at) => ({
    host,
    port: (ports.length === 1 ? ports[0] : ports[at]) ?? port,
  }));
  return hosts.every(({ port }) => /^\d*$/.test(port) && Number(port) <= 65_535) ? hosts : null;
}

/** Splits `host:port`. An IPv6 address stands in brackets; the folder of a socket is percent-encoded. */
function splitHost(text: string): Host {
  const [, bracketed, plain = '', port = ''] = /^(?:\[(.*)\]|([^:]*))(?::(.*))?$/s.exec(text) ?? [];
  return { host: bracketed ?? decodeURIComponent(plain), port };
}

function take(parameters: URLSearchParams, name: string): string | null {
  const value = parameters.get(name);
  parameters.delete(name);
  return value;
}
