import type { EntitySourceSpec, EntitySpec } from '../../model/entity.ts';
import { manualSource } from '../../model/golden-record.ts';
import { sourceEnd } from '../ends.ts';
import { checkExpression, readsOf } from '../expressions.ts';
import type { Path } from '../reporter.ts';
import { checkField, derivation, type EntityCheck } from './entity-check.ts';
import { checkMatchRules } from './match-rules.ts';

/** The keys that `source:` may have, whatever its connector. */
const sourceKeys = ['connection', 'stream', 'id', 'watermark', 'batch', 'full'];

/** Checks each source: its stream, how its records attach, which fields it sets, and how it tells of deletes. */
export function checkSources(check: EntityCheck): void {
  const { file, path, entity } = check;
  const sources = Object.entries(entity.sources);
  if (sources.length === 0) file.report([...path, 'sources'], 'an entity needs a source');
  for (const [name, source] of sources) {
    const place = [...path, 'sources', name];
    if (name === manualSource)
      file.report(place, 'the name is reserved: values that people set by hand have it');
    checkStream(check, place, source);
    if (source.where !== undefined) checkExpression(file, [...place, 'where'], source.where);
    checkMapped(check, place, source);
    checkAttach(check, place, source);
  }
}

function checkStream(check: EntityCheck, place: Path, { source, deleted }: EntitySourceSpec): void {
  const { file, connections } = check;
  const path = [...place, 'source'];
  const { connection, watermark, full } = source;
  const end = sourceEnd(file, path, source, sourceKeys, connections);
  if (!full && watermark === undefined) {
    const hint = 'name a field that grows with every change, or read everything with full: true';
    file.report([...path, 'watermark'], 'is required: text', hint);
  }
  if (typeof deleted === 'string') checkExpression(file, [...place, 'deleted'], deleted);
  if (!end) return;
  const { sorted, whole } = end;
  if (!full && watermark !== undefined && sorted !== true) {
    file.report(
      [...path, 'watermark'],
      `${connection} cannot be read in the order of ${watermark}: ${sorted}`,
      'read everything again and again with full: true',
    );
  }
  if (typeof deleted !== 'object' || !('scan' in deleted)) return;
  if (whole !== true)
    file.report([...place, 'deleted', 'scan'], `${connection} cannot be scanned: ${whole}`);
}

function checkMapped(check: EntityCheck, place: Path, { fields }: EntitySourceSpec): void {
  const { file, entity } = check;
  for (const [name, from] of Object.entries(fields)) {
    const path = [...place, 'fields', name];
    if (checkField(check, path, name) && derivation(entity, name) !== undefined)
      file.report(path, `${name} is derived from other fields: no source sets it`);
    if (typeof from === 'object' && 'expr' in from)
      checkExpression(file, [...path, 'expr'], from.expr);
  }
}

function checkAttach(check: EntityCheck, place: Path, source: EntitySourceSpec): void {
  if (source.attach === undefined) return;
  const mapped = Object.keys(source.fields);
  const { file, entity } = check;
  checkMatchRules(check, [...place, 'attach'], source.attach, (field, path) => {
    const bases = basesOf(entity, field);
    if (bases.some((base) => mapped.includes(base))) return;
    const what = bases[0] === field ? field : `${field} is derived from ${bases.join(', ')}, which`;
    file.report(
      path,
      `${what} is not mapped by this source: there is nothing to compare`,
      `mapped here: ${mapped.join(', ')}`,
    );
  });
}

/** Returns the fields, set by sources, that a field consists of: itself, or those that it is derived from. */
function basesOf(entity: EntitySpec, field: string, seen: readonly string[] = []): string[] {
  const expr = derivation(entity, field);
  if (expr === undefined) return [field];
  const used = readsOf(expr).filter((name) => !seen.includes(name));
  return used.flatMap((name) => basesOf(entity, name, [...seen, field]));
}
