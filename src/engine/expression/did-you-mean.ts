/** Returns `, did you mean a or b?`, or an empty text when there are no names. */
export function didYouMean(names: readonly string[]): string {
  return names.length === 0 ? '' : `, did you mean ${names.join(' or ')}?`;
}
