import type { MatchPart, MatchRules } from '../../model/entity.ts';
import type { Path } from '../reporter.ts';
import { checkEntityExpression, checkField, type EntityCheck } from './entity-check.ts';

/** Checks match rules; calls `seen` for every field of the entity that a part compares, with its place. */
export function checkMatchRules(
  check: EntityCheck,
  path: Path,
  rules: MatchRules,
  seen: (field: string, path: Path) => void = () => {},
): void {
  for (const [index, rule] of rules.entries()) {
    for (const [at, part] of rule.entries()) {
      const place = [...path, index, at];
      for (const field of fieldsOf(check, place, part)) seen(field, place);
    }
  }
}

function fieldsOf(check: EntityCheck, path: Path, part: MatchPart): readonly string[] {
  if (typeof part === 'object' && 'expr' in part)
    return checkEntityExpression(check, [...path, 'expr'], part.expr);
  const [field, place] = typeof part === 'string' ? [part, path] : [part.field, [...path, 'field']];
  return checkField(check, place, field) ? [field] : [];
}
