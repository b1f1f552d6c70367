import type { ASTNode } from '@marcbachmann/cel-js';
import { isNumber, isSameNumber } from './cel-numbers.ts';
import { allNodes } from './expression-ast.ts';

/** An operator node after the type check, which has set its handler. */
interface CheckedOperator {
  handle: (left: unknown, right: unknown, ...more: unknown[]) => unknown;
}

/**
 * Makes `==`, `!=` and `in` compare the contents of lists and maps by value. CEL's own comparison takes numbers of
 * different kinds inside them for different.
 *
 * @param root an expression whose types have been checked
 */
export function compareDeeply(root: ASTNode): void {
  for (const node of allNodes(root)) {
    if (node.op !== '==' && node.op !== '!=' && node.op !== 'in') continue;
    const operator = node as unknown as CheckedOperator;
    const { handle } = operator;
    const { op } = node;
    operator.handle = (left, right, ...more) => {
      if (op === 'in')
        return isList(right)
          ? [...right].some((each) => isSame(left, each))
          : handle(left, right, ...more);
      const deep = (isList(left) && isList(right)) || (isMap(left) && isMap(right));
      return deep ? isSame(left, right) === (op === '==') : handle(left, right, ...more);
    };
  }
}

type List = readonly unknown[] | ReadonlySet<unknown>;

function isList(value: unknown): value is List {
  return Array.isArray(value) || value instanceof Set;
}

/** True for both kinds of map: a record's object is a `Map`, a map literal is a plain object. */
function isMap(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return value instanceof Map || Object.getPrototypeOf(value) === Object.prototype;
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isNumber(a) && isNumber(b)) return isSameNumber(a, b);
  if (isList(a)) return isList(b) && isSameList([...a], [...b]);
  if (isMap(a)) return isMap(b) && isSameMap(membersOf(a), membersOf(b));
  if (a instanceof Date) return b instanceof Date && a.getTime() === b.getTime();
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  // Durations and unsigned integers are compared by class and text.
  return typeof a === 'object' && typeof b === 'object' && shown(a) === shown(b);
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((each, at) => isSame(each, b[at]));
}

function isSameMap(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): boolean {
  return (
    a.size === b.size && [...a].every(([name, each]) => b.has(name) && isSame(each, b.get(name)))
  );
}

function membersOf(map: object): ReadonlyMap<unknown, unknown> {
  return map instanceof Map ? map : new Map(Object.entries(map));
}

function shown(value: unknown): string {
  return `${Object.prototype.toString.call(value)} ${String(value)}`;
}
