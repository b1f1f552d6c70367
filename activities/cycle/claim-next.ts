import { TransientError } from '../../src/model/failure.ts';
import type { Chunks } from '../../src/store/runs/chunks.ts';
import { fencingToken } from '../host/step-of.ts';

/**
 * Claims the chunk of a cycle that comes after the last exported one; returns the token to commit with. Only then what it
 * is decided by may be loaded: no earlier attempt changes any of that any more (R6).
 * @throws TransientError where an earlier attempt was just faster: the next attempt goes on after its chunk
 */
export async function claimNext(chunks: Chunks, run: string, no: number): Promise<number> {
  const token = fencingToken();
  if ((await chunks.claim(run, no, token)) === 'exported')
    throw new TransientError('overtaken', 'an earlier attempt has exported the chunk after all');
  return token;
}
