import type { AuthoritySpec } from '../../model/entity.ts';
import { hintFor } from '../hint.ts';
import type { Path } from '../reporter.ts';
import {
  checkField,
  checkSourceNames,
  derivation,
  settersOf,
  type EntityCheck,
} from './entity-check.ts';

/** Checks that each field has a rule for which source decides it, when several sources set it. */
export function checkAuthority(check: EntityCheck): void {
  const { file, path, entity } = check;
  for (const [field, rule] of Object.entries(entity.authority)) {
    const place = [...path, 'authority', field];
    if (!checkField(check, place, field)) continue;
    if (derivation(entity, field) !== undefined)
      file.report(place, `${field} is derived from other fields: no source decides it`);
    else checkRule(check, place, field, rule);
  }
  for (const field of Object.keys(entity.fields)) {
    const setters = settersOf(entity, field);
    if (setters.length < 2 || derivation(entity, field) !== undefined) continue;
    if (Object.hasOwn(entity.authority, field)) continue;
    file.report(
      [...path, 'fields', field],
      `${setters.join(' and ')} set it, and authority does not say who decides`,
      `authority: { ${field}: latest }, { ranked: [${setters.join(', ')}] } or { owner: ${setters[0]} }`,
    );
  }
}

function checkRule(check: EntityCheck, place: Path, field: string, rule: AuthoritySpec): void {
  if (rule === 'latest') return;
  const setters = settersOf(check.entity, field);
  const [names, path]: [readonly string[], Path] =
    'owner' in rule ? [[rule.owner], [...place, 'owner']] : [rule.ranked, [...place, 'ranked']];
  if ('owner' in rule) checkOwner(check, path, rule.owner);
  else checkSourceNames(check, path, names);
  for (const [index, name] of names.entries()) {
    if (!Object.hasOwn(check.entity.sources, name) || setters.includes(name)) continue;
    check.file.report(
      'owner' in rule ? path : [...path, index],
      `${name} does not map ${field}`,
      setters.length === 0 ? undefined : `mapped by: ${setters.join(', ')}`,
    );
  }
}

function checkOwner({ file, entity }: EntityCheck, path: Path, name: string): void {
  const known = Object.keys(entity.sources);
  if (!known.includes(name)) file.report(path, 'no source has this name', hintFor(name, known));
}
