import type { MergePolicy, MergeSpec } from '../../model/entity.ts';
import type { Expression } from '../expression/expression.ts';
import { ranksOf, type Ranks } from './authority.ts';
import type { MatchRule } from './match-rules.ts';

/** The rule by which the winner of a merge takes a field from the losers. */
export type FieldPolicy =
  | { readonly by: 'fill' | 'newest' | 'never' }
  | { readonly by: 'ranked'; readonly ranks: Ranks };

/** The rule by which one record of a group becomes the winner, which stays. */
export type WinnerRule =
  | { readonly by: 'oldest' | 'newest' | 'complete' }
  | { readonly by: 'ranked'; readonly ranks: Ranks }
  | { readonly by: 'expr'; readonly expr: Expression };

/** The compiled rules for finding and merging duplicates. */
export interface MergePlan {
  readonly rules: readonly MatchRule[];
  readonly winner: WinnerRule;
  /** The most records of a group that is merged. */
  readonly guard: number;
  /** True when duplicates are only reported and nothing is merged. */
  readonly report: boolean;
  policyOf(field: string): FieldPolicy;
}

/**
 * Compiles the merge rules.
 * @param compile compiles an expression over the entity's fields; `path` is its place in the entity
 */
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
