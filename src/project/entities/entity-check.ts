import type { EntitySpec } from '../../model/entity.ts';
import { recordIdField, systemIdsField } from '../../model/entity.ts';
import type { Connections } from '../ends.ts';
import { fieldsUsed } from '../expressions.ts';
import { hintFor } from '../hint.ts';
import type { Path, Reporter } from '../reporter.ts';

/** What the checks of one entity need. */
export interface EntityCheck {
  readonly file: Reporter;
  /** Where the entity stands. */
  readonly path: Path;
  readonly entity: EntitySpec;
  readonly connections: Connections;
}

/** What a field is derived by; undefined for a field that sources set. */
export function derivation({ fields }: EntitySpec, name: string): string | undefined {
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  return typeof field === 'object' ? field.expr : undefined;
}

/** The sources that map a field, in their order. */
export function settersOf({ sources }: EntitySpec, field: string): string[] {
  return Object.entries(sources)
    .filter(([, { fields }]) => Object.hasOwn(fields, field))
    .map(([name]) => name);
}

/** Reports a name that is no field of the entity; whether it is one. */
export function checkField({ file, entity }: EntityCheck, path: Path, name: string): boolean {
  if (Object.hasOwn(entity.fields, name)) return true;
  file.report(path, `${name} is no field of the entity`, hintFor(name, Object.keys(entity.fields)));
  return false;
}

/** Reports what a list of sources gets wrong: an unknown name, or one that is given twice. */
export function checkSourceNames(
  { file, entity }: EntityCheck,
  path: Path,
  names: readonly string[],
): void {
  const known = Object.keys(entity.sources);
  for (const [index, name] of names.entries()) {
    if (!known.includes(name)) {
      file.report([...path, index], 'no source has this name', hintFor(name, known));
    } else if (names.indexOf(name) < index) {
      file.report([...path, index], 'is listed twice');
    }
  }
}

/** What an expression over the entity's own fields reads; reports what it may not. */
export function checkEntityExpression(
  check: EntityCheck,
  path: Path,
  source: string,
  { own = false }: { own?: boolean } = {},
): readonly string[] {
  const used = fieldsUsed(check.file, path, source) ?? [];
  return used.filter((name) => (own && isOwn(name)) || checkField(check, path, name));
}

/** Whether a name is Sluice's own field of the change log, which destinations may use. */
export function isOwn(name: string): boolean {
  return name === recordIdField || name === systemIdsField;
}
