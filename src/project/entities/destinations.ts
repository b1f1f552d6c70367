import type { EntityDestinationSpec } from '../../model/entity.ts';
import { idFieldOf } from '../../model/entity-syncs.ts';
import { permissionsOf } from '../../model/mode.ts';
import { own } from '../../model/own.ts';
import { keyFields } from '../../model/sync.ts';
import { checkDestination } from '../ends.ts';
import { expressionsIn } from '../expressions.ts';
import type { Path } from '../reporter.ts';
import { checkEntityExpression, checkField, isOwn, type EntityCheck } from './entity-check.ts';

/** The keys that `destination:` may have, whatever its connector. A watermark is refused later, with the reason. */
const destinationKeys = ['connection', 'stream', 'id', 'key', 'watermark'];

/** Checks each destination: its stream, how its records are found there, and what is written. */
export function checkDestinations(check: EntityCheck): void {
  for (const [name, spec] of Object.entries(check.entity.destinations)) {
    const path = [...check.path, 'destinations', name];
    checkDestination(check.file, path, spec, check.connections, destinationKeys);
    checkSystem(check, path, name, spec);
    checkIdentity(check, path, name, spec);
    checkWritten(check, path, spec);
    checkRemoval(check, path, spec, name);
  }
}

/**
 * Checks that a system which is read and written has one name: then its ids are shared, and its echo is recognised.
 */
function checkSystem(
  { file, entity }: EntityCheck,
  path: Path,
  name: string,
  { destination }: EntityDestinationSpec,
): void {
  const same = own(entity.sources, name)?.source;
  for (const part of ['connection', 'stream'] as const) {
    if (same === undefined || same[part] === destination[part]) continue;
    file.report(
      [...path, 'destination', part],
      `is ${destination[part]}, but source ${name} has ${same[part]}`,
      'a destination that is named like a source is the same system; give it another name if it is not',
    );
  }
  const twin = Object.entries(entity.sources).find(
    ([, { source }]) =>
      source.connection === destination.connection && source.stream === destination.stream,
  );
  if (same !== undefined || twin === undefined) return;
  file.report(
    path,
    `writes to the stream that source ${twin[0]} reads, under another name`,
    `call it ${twin[0]}: then ids are shared, and what was written is not taken for a change`,
  );
}

function checkIdentity(
  { file, entity }: EntityCheck,
  path: Path,
  name: string,
  { destination, fields }: EntityDestinationSpec,
): void {
  const { key } = destination;
  if (key === undefined) {
    if (idFieldOf(entity, name) !== undefined) return;
    const hint = 'id: the field of its own ids; key: the fields by which a record is found';
    file.report([...path, 'destination'], 'needs id or key', hint);
    return;
  }
  for (const [index, part] of keyFields(key).entries()) {
    const from = fields === undefined ? part : own(fields, part);
    const known = fields !== undefined || Object.hasOwn(entity.fields, part);
    if (typeof from === 'string' && known) continue;
    const place = [...path, 'destination', 'key', ...(typeof key === 'string' ? [] : [index])];
    const why = from === undefined || !known ? 'is not mapped' : 'is not a plain copy';
    file.report(place, `${part} ${why}`, 'a key field is copied from a field of the entity');
  }
}

function checkWritten(check: EntityCheck, path: Path, spec: EntityDestinationSpec): void {
  const withOwn = { own: true };
  if (spec.where !== undefined)
    checkEntityExpression(check, [...path, 'where'], spec.where, withOwn);
  for (const [name, from] of Object.entries(spec.fields ?? {})) {
    const place = [...path, 'fields', name];
    if (typeof from === 'string') checkCopied(check, place, from);
    else if ('lookup' in from)
      for (const [part, of] of Object.entries(from.lookup.key))
        if (typeof of === 'string') checkCopied(check, [...place, 'lookup', 'key', part], of);
  }
  for (const [place, expr] of expressionsIn(spec.fields ?? {}))
    checkEntityExpression(check, [...path, 'fields', ...place], expr, withOwn);
}

/** Checks the name of a field, or of a value inside a JSON field such as `_ids.salesforce`. */
function checkCopied(check: EntityCheck, path: Path, from: string): void {
  const [head = ''] = from.split('.');
  const field = own(check.entity.fields, head);
  const type = typeof field === 'object' ? field.type : field;
  if (isOwn(head) || (head !== from && type === 'json')) return;
  checkField(check, path, from);
}

function checkRemoval(
  { file, entity }: EntityCheck,
  path: Path,
  { removal, remove, mode, destination }: EntityDestinationSpec,
  name: string,
): void {
  if (remove !== undefined && permissionsOf(mode).remove)
    file.report([...path, 'remove'], `means nothing in mode ${mode}`, `${mode} removes by itself`);
  if (remove !== undefined && idFieldOf(entity, name) === undefined)
    file.report(
      [...path, 'remove'],
      'needs to know the records that were made there',
      `destination: { id }, the field of the ids in ${destination.stream}`,
    );
  const removes = permissionsOf(mode).remove || remove !== undefined;
  if (removal === undefined || removes || entity.merge?.deleteLosers) return;
  file.report(
    [...path, 'removal'],
    `means nothing in mode ${mode}`,
    'only mirror, remove: written and merge.deleteLosers remove',
  );
}
