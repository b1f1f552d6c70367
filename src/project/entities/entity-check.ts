import type { EntitySpec } from '../../model/entity.ts';
import { recordIdField, systemIdsField } from '../../model/entity.ts';
import type { ProjectConnections } from '../ends.ts';
import { fieldsUsed } from '../expressions.ts';
import { hintFor } from '../hint.ts';
import type { Path, Reporter } from '../reporter.ts';

/** The arguments that the checks of one entity share. */
export interface EntityCheck {
  readonly file: Reporter;
  /** The entity's place in the file. */
  readonly path: Path;
  readonly entity: EntitySpec;
  readonly connections: ProjectConnections;
}

/** Returns the expression that a field is derived by; undefined for a field that sources set. */
export function derivation({ fields }: EntitySpec, name: string): string | undefined {
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  return typeof field === 'object' ? field.expr : undefined;
}

/** Returns the sources that map a field, in their order. */
export function settersOf({ sources }: EntitySpec, field: string): string[] {
  return Object.entries(sources)
    .filter(([, { fields }]) => Object.hasOwn(fields, field))
    .map(([name]) => name);
}

/** Reports a name that is no field of the entity; returns true when it is one. */
export function checkField({ file, entity }: EntityCheck, path: Path, name: string): boolean {
  if (Object.hasOwn(entity.fields, name)) return true;
  file.report(path, `${name} is no field of the entity`, hintFor(name, Object.keys(entity.fields)));
  return false;
}

/** Reports the mistakes in a list of sources: an unknown name, or one that is listed twice. */
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

/** Returns the entity's fields that an expression reads; reports names that it may not read. */
export function checkEntityExpression(
  check: EntityCheck,
  path: Path,
  source: string,
  { own = false }: { own?: boolean } = {},
): readonly string[] {
  const used = fieldsUsed(check.file, path, source) ?? [];
  return used.filter((name) => (own && isOwn(name)) || checkField(check, path, name));
}

/** True when a name is Sluice's own field of the change log, which destinations may use. */
export function isOwn(name: string): boolean {
  return name === recordIdField || name === systemIdsField;
}
