import type { Seal } from '../seal.ts';

/** Under what a system's id of a record is kept and found again. */
export function idHash(seal: Pick<Seal, 'hash'>, entity: number, system: string, id: string) {
  return seal.hash(`${entity}\0${system}\0${id}`);
}
