type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Returns `object` without the members that are undefined. */
export function withoutUndefined<T extends object>(object: T): Defined<T> {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Defined<T>;
}
