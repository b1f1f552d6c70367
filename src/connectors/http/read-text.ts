import { ConfigError } from '../../model/failure.ts';

/** The largest answer that is read; a page of records stays far below it. Bytes. */
export const largestAnswer = 64 << 20;

/**
 * The body of an answer, which is not read further than the limit.
 * @throws ConfigError `too_large`
 */
export async function readText(
  response: Response,
  connection: string,
  limit: number = largestAnswer,
): Promise<string> {
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
  return new TextDecoder().decode(Buffer.concat(parts));
}
