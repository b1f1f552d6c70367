import {
  checkEntityExpression,
  checkField,
  checkSourceNames,
  derivation,
  type EntityCheck,
} from './entity-check.ts';
import { checkMatchRules } from './match-rules.ts';

/** Checks the rules for merging duplicates. */
export function checkMerge(check: EntityCheck): void {
  const { file, entity } = check;
  const { merge } = entity;
  if (merge === undefined) return;
  const path = [...check.path, 'merge'];
  checkMatchRules(check, [...path, 'match'], merge.match);
  const { winner, default: policy, override = {} } = merge;
  if (typeof winner === 'object') {
    if ('expr' in winner) checkEntityExpression(check, [...path, 'winner', 'expr'], winner.expr);
    else checkSourceNames(check, [...path, 'winner', 'ranked'], winner.ranked);
  }
  if (typeof policy === 'object')
    checkSourceNames(check, [...path, 'default', 'ranked'], policy.ranked);
  for (const [field, own] of Object.entries(override)) {
    const place = [...path, 'override', field];
    if (checkField(check, place, field) && derivation(entity, field) !== undefined)
      file.report(place, `${field} is derived from other fields: nothing of it is merged`);
    if (typeof own === 'object') checkSourceNames(check, [...place, 'ranked'], own.ranked);
  }
}
