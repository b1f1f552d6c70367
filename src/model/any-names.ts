import { z } from 'zod';

/** zod silently drops a member called `__proto__` from every record. Under this name it gets through. */
const standIn = '\u0000__proto__';

/** A schema of records whose names may be any text but the empty one, `__proto__` included. */
export function anyNames<T extends z.ZodType>(value: T) {
  const record = z.record(z.string().min(1), value);
  return z.preprocess(
    (input) => renamed(input, '__proto__', standIn),
    record.overwrite((output) => renamed(output, standIn, '__proto__')),
  );
}

function renamed<T>(object: T, from: string, to: string): T {
  if (typeof object !== 'object' || object === null || !Object.hasOwn(object, from)) return object;
  const entries = Object.entries(object).map(([name, value]) => [name === from ? to : name, value]);
  return Object.fromEntries(entries) as T;
}
