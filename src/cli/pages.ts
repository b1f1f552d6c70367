const largestPage = 200;

/** The part of a list to ask for. */
export interface PageQuery {
  readonly limit: number;
  readonly after?: string;
}

/** Returns the first `limit` entries of a list that the server gives in pages. */
export async function readPages<T>(
  limit: number,
  read: (query: PageQuery) => Promise<{ entries: readonly T[]; next: string | null }>,
): Promise<T[]> {
  const found: T[] = [];
  let after: string | undefined;
  do {
    const size = Math.min(largestPage, limit - found.length);
    const page = await read({ limit: size, ...(after === undefined ? {} : { after }) });
    found.push(...page.entries);
    after = page.next ?? undefined;
  } while (after !== undefined && found.length < limit);
  return found;
}
