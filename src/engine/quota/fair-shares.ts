/**
 * Divides `total` among those who want some, evenly: who wants less than an even share leaves the rest to the others.
 * A rest that cannot be divided goes round with `turn`, so that with fewer than one each everybody has a turn.
 */
export function fairShares(wants: readonly number[], total: number, turn: number): number[] {
  const shares = wants.map(() => 0);
  let left = total;
  for (;;) {
    const hungry = wants.flatMap((want, index) => (want > (shares[index] ?? 0) ? [index] : []));
    if (hungry.length === 0 || left <= 0) return shares;
    const each = Math.floor(left / hungry.length);
    const takers =
      each > 0 ? hungry : hungry.map((_, at) => hungry[(at + turn) % hungry.length] ?? 0);
    for (const index of takers) {
      const have = shares[index] ?? 0;
      const more = Math.min(left, Math.max(1, each), (wants[index] ?? 0) - have);
      shares[index] = have + more;
      left -= more;
    }
  }
}
