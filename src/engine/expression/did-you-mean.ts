/** `, did you mean a or b?`, or nothing. */
export function didYouMean(names: readonly string[]): string {
  return names.length === 0 ? '' : `, did you mean ${names.join(' or ')}?`;
}
