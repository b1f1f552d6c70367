import { ConfigError } from '../../../model/failure.ts';

/** The largest answer that is read; a page of records stays far below it. Bytes. */
export const largestAnswer = 64 << 20;

/**
 * The body of an answer, in the charset that the answer names, else UTF-8; null where its bytes are no text of that.
 * It is not read further than the limit.
 * @throws ConfigError `too_large`
 */
export async function readText(
  response: Response,
  connection: string,
  limit: number = largestAnswer,
): Promise<string | null> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    parts.push(part);
    size += part.length;
    if (size > limit) {
      const message = `an answer is larger than ${limit >> 20} MiB: ask for smaller pages`;
      throw new ConfigError('too_large', message, { connection });
    }
  }
  return decoded(Buffer.concat(parts), response.headers.get('content-type'));
}

function decoded(bytes: Uint8Array, contentType: string | null): string | null {
  const charset = /;\s*charset="?([\w:.-]+)/i.exec(contentType ?? '')?.[1];
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
