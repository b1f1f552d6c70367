import { ConfigError } from '../../../model/failure.ts';
import { chunks } from './chunks.ts';
import { byteOrderMarkOf, encodingNamed } from './encoding.ts';
import type { Stored } from './stored.ts';

const gzipMagic = Buffer.from([0x1f, 0x8b]);

/**
 * Finds out how a file is stored: gzip is recognised by its first bytes, UTF-8 and UTF-16 by their byte order mark.
 * @param encoding the encoding of a file without such a mark; undefined when nobody says
 * @throws ConfigError `invalid_encoding` if it looks like UTF-16 and nobody says so; ENOENT
 */
export async function probe(
  file: Pick<Stored, 'name' | 'path'>,
  encoding: string | undefined,
): Promise<Stored> {
  const raw = { ...file, encoding: 'utf-8', compressed: false };
  const compressed = (await firstBytes(raw)).subarray(0, 2).equals(gzipMagic);
  const unpacked = { ...raw, compressed };
  const first = (await firstBytes(unpacked)).subarray(0, 4);
  const marked = byteOrderMarkOf(first);
  if (marked === undefined && encoding === undefined && first.includes(0)) {
    throw new ConfigError(
      'invalid_encoding',
      `${file.name} is not UTF-8 text; if it is UTF-16, set encoding to utf-16le or utf-16be`,
    );
  }
  return { ...unpacked, encoding: marked ?? encodingNamed(encoding ?? 'utf-8') ?? 'utf-8' };
}

async function firstBytes(file: Stored): Promise<Buffer> {
  for await (const chunk of chunks(file, 0)) return chunk;
  return Buffer.alloc(0);
}
