import type { EntitySpec } from '../../src/model/entity.ts';
import { permissionsOf } from '../../src/model/mode.ts';
import { own } from '../../src/model/own.ts';

/** True where a destination of the entity may remove records: by its mode, or those of a merge's losers. */
export function mayRemove({ merge, destinations }: EntitySpec, name: string): boolean {
  const mode = own(destinations, name)?.mode;
  return merge?.deleteLosers === true || (mode !== undefined && permissionsOf(mode).remove);
}
