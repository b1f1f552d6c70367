import { ConfigError } from '../../../model/failure.ts';
import { encoderOf } from '../stored/encoding.ts';
import type { Reading } from '../formats/position.ts';
import { rewritten } from './rewrite.ts';
import { fileBusy, stateOf } from '../stored/state.ts';
import { changesFor, type FileTarget } from './target.ts';
import { replaceFile } from './write-file.ts';

/**
 * Replaces the target by the file with the journal's changes applied; creates the file if there is none.
 * @param written the number of operations that the journal must have
 * @throws ConfigError `journal_damaged`, `file_changed`; TransientError `file_busy` if somebody else writes it
 */
export async function mergeJournal(target: FileTarget, written: number): Promise<void> {
  const { journal, made } = target;
  const { path, name } = made.file;
  const { applied, operations } = await changesFor(target);
  if (operations < written) throw incomplete(name, written - operations);
  const held = await target.held();
  if (held === null && target.existed) throw gone(name);
  const before = held === null ? null : await stateOf(held.file);
  const { file } = held ?? made;
  const text = rewritten(target, held, applied);
  const temporary = await journal.scratch();
  await replaceFile(
    path,
    temporary,
    file.compressed,
    encoded(text, file, held === null),
    async () => {
      if (applied.lost > 0) throw lost(name, applied.lost);
      const now = (await target.held()) === null ? null : await stateOf(file);
      const same =
        now?.inode === before?.inode &&
        now?.size === before?.size &&
        now?.modified === before?.modified;
      if (!same) throw fileBusy(name);
    },
  );
}

/** Encodes a text. A new file in UTF-16 begins with a byte order mark. */
async function* encoded(
  text: AsyncIterable<Buffer | string>,
  { encoding }: Reading,
  isNew: boolean,
): AsyncIterable<Buffer> {
  const encoder = encoderOf(encoding);
  if (isNew && encoding.startsWith('utf-16')) yield encoder.encode('\uFEFF');
  for await (const part of text) {
    const isReady = encoding === 'utf-8' && typeof part !== 'string';
    yield isReady ? part : encoder.encode(part.toString());
  }
}

function incomplete(name: string, count: number): ConfigError {
  return new ConfigError(
    'journal_damaged',
    `${count} records that this run has written for ${name} are not there any more; run the sync again`,
  );
}

function lost(name: string, count: number): ConfigError {
  return new ConfigError(
    'file_changed',
    `${count} records that this run has updated are not in ${name} any more; run the sync again`,
  );
}

function gone(name: string): ConfigError {
  return new ConfigError(
    'file_changed',
    `${name} was removed while this run was writing; run the sync again`,
  );
}
