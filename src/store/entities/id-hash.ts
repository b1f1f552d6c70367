import type { SystemId } from '../../model/golden-record.ts';
import type { Blobs } from '../sealing/blobs.ts';
import type { Seal } from '../sealing/seal.ts';

/** Under what systems' ids of records are kept and found again. */
export function idHashes(
  seal: Pick<Seal, 'hashAll'>,
  entity: number,
  ids: readonly SystemId[],
): Blobs {
  return seal.hashAll(ids.map(({ system, id }) => `${entity}\0${system}\0${id}`));
}
