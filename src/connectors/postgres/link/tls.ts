import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { ConfigError } from '../../../model/failure.ts';

/** The values of `sslmode` in a url. All but `no-verify` mean what they mean to libpq. */
export const sslModes = [
  'disable',
  'allow',
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
  'no-verify',
] as const;

/** The degree of encryption of a link, and whether the server must prove its identity. */
export type SslMode = (typeof sslModes)[number];

/** Paths of PEM files, as the url names them. */
export interface CertificateFiles {
  readonly sslrootcert: string | null;
  readonly sslcert: string | null;
  readonly sslkey: string | null;
}

/** The driver's TLS option: false for no TLS. */
export type Tls = false | ConnectionOptions;

/**
 * Returns the ways to make a link, the wanted one first. A further one is for a server that refuses the first.
 * @throws ConfigError `invalid_url` when a file cannot be read
 */
export function tlsWays(mode: SslMode, files: CertificateFiles, connection: string): Tls[] {
  if (mode === 'disable') return [false];
  const proofs = certificates(files, connection);
  const unproved = { ...proofs, rejectUnauthorized: false };
  // Only the certificate's authority is checked, not the name in it.
  const byAuthority = { ...proofs, checkServerIdentity: () => undefined };
  const ways: Record<Exclude<SslMode, 'disable'>, Tls[]> = {
    allow: [false, unproved],
    prefer: [unproved, false],
    require: [proofs.ca === undefined ? unproved : byAuthority],
    'no-verify': [unproved],
    'verify-ca': [byAuthority],
    'verify-full': [proofs],
  };
  return ways[mode];
}

/** Reads the files of certificates. The root certificate `system` stands for those that Node brings. */
function certificates(
  { sslrootcert, sslcert, sslkey }: CertificateFiles,
  connection: string,
): ConnectionOptions {
  const read = (name: string, path: string) => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      const message = `${connection}: the file that ${name} of the url names cannot be read`;
      throw new ConfigError('invalid_url', message, { connection });
    }
  };
  return {
    ...(sslrootcert !== null &&
      sslrootcert !== 'system' && { ca: read('sslrootcert', sslrootcert) }),
    ...(sslcert !== null && { cert: read('sslcert', sslcert) }),
    ...(sslkey !== null && { key: read('sslkey', sslkey) }),
  };
}
