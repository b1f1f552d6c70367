/** How many removals a mirror makes without asking; `false`: as many as it likes (DESIGN section 3). */
export type RemovalGuard = false | { readonly records: number; readonly fraction: number };

/**
 * Whether a mirror must wait for approval before it removes (R7): when the source came back empty, whatever the
 * guard says, or when more than `guard.records` and more than `guard.fraction` of the destination would go.
 *
 * @param plan how many records would go, of how many
 * @param imported how many records the source gave
 */
export function needsApproval(
  plan: { readonly remove: number; readonly of: number },
  imported: number,
  guard: RemovalGuard,
): boolean {
  if (plan.remove === 0) return false;
  if (imported === 0) return true;
  if (guard === false) return false;
  return plan.remove > guard.records && plan.remove > guard.fraction * plan.of;
}
