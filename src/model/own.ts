/**
 * Returns the value of an object's own property; undefined for a name that every object inherits, such as
 * `constructor`.
 */
export function own<T>(object: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Sets a value under any name. For `__proto__` a plain assignment would set the object's prototype instead. */
export function setOwn<T>(object: Record<string, T>, name: string, value: T): void {
  if (name !== '__proto__') {
    object[name] = value;
    return;
  }
  Object.defineProperty(object, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}
