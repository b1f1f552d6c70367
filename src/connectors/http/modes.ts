import type { ModeSupport } from '../../model/mode.ts';
import type { Operation } from '../../model/outcome.ts';
import type { RemovalKind } from '../../model/removal.ts';
import type { HttpSettings, StreamSettings } from './settings.ts';
import type { WriteSettings } from './write-settings.ts';

/**
 * The call by which a stream does an operation: `upsert` stands in for `create` and `update`.
 * @param by how records are removed. Default: the first of {@link removalsOf}
 */
export function actionOf(
  stream: StreamSettings,
  operation: Operation,
  by: RemovalKind | undefined = removalsOf(stream)[0],
): WriteSettings | undefined {
  if (operation === 'remove') return stream[by ?? 'delete'];
  return (operation === 'create' ? stream.create : stream.update) ?? stream.upsert;
}

/** The ways in which a stream removes a record, the one that can be undone first. */
export function removalsOf(stream: StreamSettings | undefined): RemovalKind[] {
  if (!stream?.archive) return ['delete'];
  return stream.delete ? ['archive', 'delete'] : ['archive'];
}

/** True when a read of a stream holds every record that exists throughout it; else why not. */
export function wholeReadsOf(settings: HttpSettings, name: string): true | string {
  const stream = Object.hasOwn(settings.streams, name) ? settings.streams[name] : undefined;
  const paging = stream?.read?.pagination;
  if ((paging?.type !== 'page' && paging?.type !== 'offset') || paging.stable) return true;
  const why = `a list paged by ${paging.type === 'page' ? 'number' : 'offset'} may skip records when others come or go`;
  return `${why}: page by cursor or link, or say stable: true if its order never changes`;
}

/** True when a stream's list comes in the order of the watermark, also while records change; else why not. */
export function sortsByWatermarkOf(stream: StreamSettings | undefined): true | string {
  if (!stream?.read?.incremental) return 'it declares no read.incremental';
  const { incremental, pagination } = stream.read;
  if (!incremental.sorted) return 'it does not declare read.incremental.sorted';
  // A record that changes moves to the end: those after it move onto pages already read.
  if (pagination.type === 'page' && !pagination.stable)
    return 'a list paged by number skips records when others change: page by offset, cursor or link';
  return true;
}

/** The modes that the calls a stream declares are enough for. */
export function modesOf(settings: HttpSettings, name: string): ModeSupport {
  const stream = Object.hasOwn(settings.streams, name) ? settings.streams[name] : undefined;
  if (!stream) {
    const reason = `stream "${name}" is not declared`;
    return { upsert: reason, update: reason, create: reason, mirror: reason };
  }
  const lacks = (operations: readonly Operation[]): true | string => {
    const missing = operations.filter((operation) => !actionOf(stream, operation));
    const names = missing.map((operation) =>
      operation === 'remove' ? 'delete' : `${operation} (or upsert)`,
    );
    return missing.length === 0 || `stream "${name}" declares no ${names.join(' and no ')}`;
  };
  return {
    upsert: lacks(['create', 'update']),
    update: lacks(['update']),
    create: lacks(['create']),
    mirror: lacks(['create', 'update', 'remove']),
  };
}
