import { createPrivateKey, type KeyObject, randomUUID, sign } from 'node:crypto';
import { ConfigError } from '../../../model/failure.ts';
import type { JwtBearer } from './auth.ts';

/** An assertion is good for so long: vendors refuse those that live longer than a few minutes. Seconds. */
const lifetime = 120;

/**
 * The signed statement, a JWT, that a client acts for a user.
 * @throws ConfigError `credentials` where the private key is none
 */
export function assertionOf(
  { clientId, subject, audience, privateKey }: JwtBearer,
  tokenUrl: string,
  connection: string,
): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: clientId,
    sub: subject,
    aud: audience ?? new URL(tokenUrl).origin,
    iat: now,
    exp: now + lifetime,
    jti: randomUUID(),
  };
  const signed = [{ alg: 'RS256', typ: 'JWT' }, claims].map(encoded).join('.');
  const signature = sign('sha256', Buffer.from(signed), keyOf(privateKey, connection));
  return `${signed}.${signature.toString('base64url')}`;
}

function keyOf(pem: string, connection: string): KeyObject {
  const key = parsed(pem.replaceAll('\\n', '\n'));
  if (key?.asymmetricKeyType === 'rsa') return key;
  // The platform's own message might quote the key.
  throw new ConfigError('credentials', 'the private key is no RSA key in PEM', { connection });
}

function parsed(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
