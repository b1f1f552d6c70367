import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts';
import { own, setOwn } from '../../model/own.ts';
import type { Value } from '../../model/record.ts';

/**
 * The value at a dotted path such as `address.city` or `errors.0.code`; '' is the value itself, undefined where there is
 * none. A property whose own name holds dots comes first.
 */
export function at(value: Value, path: string): Value {
  if (path === '') return value;
  if (isJsonObject(value) && Object.hasOwn(value, path)) return value[path];
  const dot = path.indexOf('.');
  const [head, rest] = dot < 0 ? [path, ''] : [path.slice(0, dot), path.slice(dot + 1)];
  const inner = partOf(value, head);
  return inner === undefined ? undefined : at(inner, rest);
}

function partOf(value: Value, name: string): Value {
  if (Array.isArray(value)) return /^\d+$/.test(name) ? value[Number(name)] : undefined;
  return isJsonObject(value) ? own(value, name) : undefined;
}

/**
 * A copy of a value with another one at a dotted path: `withAt({ page: { size: 1 } }, 'page.after', 'x')` is
 * `{ page: { size: 1, after: 'x' } }`. Objects that are missing on the way are made, items of a list only replaced.
 */
export function withAt(value: Json, path: string, given: Json): Json {
  const [head = '', ...rest] = path.split('.');
  const inner = (held: Json | undefined): Json =>
    rest.length === 0 ? given : withAt(held ?? {}, rest.join('.'), given);
  if (Array.isArray(value))
    return value.map((item, index) => (String(index) === head ? inner(item) : item));
  const copy: JsonObject = isJsonObject(value) ? { ...value } : {};
  setOwn(copy, head, inner(own(copy, head)));
  return copy;
}

/** Turns `{ 'address.city': 1 }` into `{ address: { city: 1 } }`. */
export function nest(values: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [name, value] of Object.entries(values)) put(result, name.split('.'), value);
  return result;
}

function put(object: JsonObject, path: readonly string[], value: Json): void {
  const [head = '', ...rest] = path;
  if (rest.length === 0) return setOwn(object, head, value);
  const present = own(object, head);
  const inner: JsonObject = isJsonObject(present) ? { ...present } : {};
  put(inner, rest, value);
  setOwn(object, head, inner);
}

/** Why a path could not be filled in; the record is at fault. */
export class PathError extends Error {}

/**
 * Fills the placeholders of a path, each value percent-encoded.
 * @throws PathError where a value is missing or would leave its path segment
 */
export function fillPath(template: string, valueOf: (name: string) => Value): string {
  const filled = template.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    const value = valueOf(name);
    if (value === undefined || value === null || value === '' || typeof value === 'boolean')
      throw new PathError(`the record has no value for {${name}} of the path`);
    if (isJsonObject(value) || Array.isArray(value))
      throw new PathError(`the value for {${name}} of the path is neither text nor a number`);
    const text = String(value);
    if (!text.isWellFormed())
      throw new PathError(`the value for {${name}} of the path holds half a character`);
    return encodeURIComponent(text);
  });
  const [path = ''] = filled.split('?');
  if (path.split('/').some((segment) => segment === '.' || segment === '..'))
    throw new PathError('a value of the record cannot be part of a path');
  return filled;
}
