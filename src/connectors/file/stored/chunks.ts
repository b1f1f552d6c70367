import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { transcoded } from './encoding.ts';
import { codeOf, malformed } from '../failures.ts';
import { isPlain, type Stored } from './stored.ts';

const size = 256 * 1024;

/**
 * Reads the text of a file in UTF-8, from `byte` on. A file that is compressed or in another encoding is still read
 * from its beginning.
 * @throws ConfigError `malformed_file`, `invalid_encoding`
 */
export async function* chunks(file: Stored, byte: number): AsyncIterable<Buffer> {
  if (isPlain(file)) {
    yield* createReadStream(file.path, { start: byte, highWaterMark: size });
    return;
  }
  let skip = byte;
  for await (const chunk of decoded(file)) {
    if (skip < chunk.length) yield chunk.subarray(skip);
    skip = Math.max(0, skip - chunk.length);
  }
}

function decoded(file: Stored): AsyncIterable<Buffer> {
  const bytes = file.compressed
    ? unpacked(file)
    : createReadStream(file.path, { highWaterMark: size });
  return file.encoding === 'utf-8' ? bytes : transcoded(file.name, file.encoding, bytes);
}

async function* unpacked({ name, path }: Stored): AsyncIterable<Buffer> {
  const packed = createReadStream(path, { highWaterMark: size });
  const unpack = createGunzip({ chunkSize: size });
  packed.once('error', (error) => unpack.destroy(error));
  try {
    yield* packed.pipe(unpack);
  } catch (error) {
    if (!codeOf(error).startsWith('Z_')) throw error;
    throw malformed(name, 1, `cannot be unpacked (${codeOf(error)})`);
  } finally {
    packed.destroy();
    unpack.destroy();
  }
}
