import type { MergePolicy, MergeSpec } from '../../model/entity.ts';
import type { Expression } from '../expression/expression.ts';
import { ranksOf, type Ranks } from './authority.ts';
import type { MatchRule } from './match-rules.ts';

/** What becomes of a field of the losers. */
export type FieldPolicy =
  | { readonly by: 'fill' | 'newest' | 'never' }
  | { readonly by: 'ranked'; readonly ranks: Ranks };

/** Which record of a group stays. */
export type WinnerRule =
  | { readonly by: 'oldest' | 'newest' | 'complete' }
  | { readonly by: 'ranked'; readonly ranks: Ranks }
  | { readonly by: 'expr'; readonly expr: Expression };

/** How duplicates are found and merged. */
export interface MergePlan {
  readonly rules: readonly MatchRule[];
  readonly winner: WinnerRule;
  /** Most records of a group that is merged. */
  readonly guard: number;
  /** Nothing is merged, only reported. */
  readonly report: boolean;
  policyOf(field: string): FieldPolicy;
}

/** @param compile makes an expression over the entity's fields, for a place in the entity */
export function compileMerge(
  spec: MergeSpec,
  rules: readonly MatchRule[],
  compile: (source: string, path: string) => Expression,
): MergePlan {
  const usual = policy(spec.default);
  const special = new Map(
    Object.entries(spec.override ?? {}).map(([field, own]) => [field, policy(own)]),
  );
  return {
    rules,
    winner: winner(spec.winner, compile),
    guard: spec.guard,
    report: spec.report,
    policyOf: (field) => special.get(field) ?? usual,
  };
}

function policy(spec: MergePolicy): FieldPolicy {
  return typeof spec === 'string' ? { by: spec } : { by: 'ranked', ranks: ranksOf(spec.ranked) };
}

function winner(
  spec: MergeSpec['winner'],
  compile: (source: string, path: string) => Expression,
): WinnerRule {
  if (typeof spec === 'string') return { by: spec };
  if ('ranked' in spec) return { by: 'ranked', ranks: ranksOf(spec.ranked) };
  return { by: 'expr', expr: compile(spec.expr, 'merge.winner') };
}
