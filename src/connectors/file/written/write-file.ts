import { open, rename, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { codeOf } from '../failures.ts';

/** The approximate size of the pieces in which bytes are written. */
const pieceSize = 256 * 1024;

/**
 * Replaces a file as a whole. Readers see the old content or the new, even after a crash.
 * @param temporary the path where the content is written first, and that nobody else uses
 * @param compress true compresses it by gzip
 * @param check called when everything is written; an error that it throws keeps the old content
 */
export async function replaceFile(
  path: string,
  temporary: string,
  compress: boolean,
  content: AsyncIterable<Buffer>,
  check: () => Promise<void>,
): Promise<void> {
  const file = await open(temporary, 'wx', await modeOf(path));
  try {
    await writeAll(file, compress, content);
    await file.sync();
  } finally {
    await file.close();
  }
  await check();
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

async function modeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).mode;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return 0o666;
  }
}

async function writeAll(
  file: FileHandle,
  compress: boolean,
  content: AsyncIterable<Buffer>,
): Promise<void> {
  const pieces = Readable.from(gathered(content));
  const write = async (parts: AsyncIterable<Buffer>): Promise<void> => {
    for await (const part of parts) await file.writeFile(part);
  };
  if (compress) await pipeline(pieces, createGzip(), write);
  else await write(pieces);
}

/** Joins the bytes into fewer parts. */
async function* gathered(content: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  let held: Buffer[] = [];
  let size = 0;
  for await (const part of content) {
    held.push(part);
    size += part.length;
    if (size < pieceSize) continue;
    yield Buffer.concat(held);
    held = [];
    size = 0;
  }
  yield Buffer.concat(held);
}

/** Makes the rename itself durable, where the system supports that. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r').catch(() => undefined);
  await directory?.sync().catch(() => undefined);
  await directory?.close();
}
