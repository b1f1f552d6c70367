import { Environment } from '@marcbachmann/cel-js';
import { library, type LibraryFunction } from './functions.ts';

type Arithmetic = (a: number, b: number) => number;

const arithmetic: Readonly<Record<string, Arithmetic>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
};

/** CEL with the function library, null-tolerant comparisons and arithmetic between int and double. */
export const environment = createEnvironment();

function createEnvironment(): Environment {
  const created = new Environment({
    unlistedVariablesAreDyn: true,
    homogeneousAggregateLiterals: false,
    enableOptionalTypes: true,
  });
  for (const [name, definition] of Object.entries(library)) addFunction(created, name, definition);
  addMixedArithmetic(created);
  addNullOrder(created);
  return created;
}

function addFunction(target: Environment, name: string, definition: LibraryFunction): void {
  const [fewest, most] = definition.arity;
  const handler = (...args: unknown[]): unknown =>
    definition.takesNull !== true && args.includes(null) ? null : definition.call(...args);
  for (let count = fewest; count <= most; count++) {
    const signature = `${name}(${Array.from({ length: count }, () => 'dyn').join(', ')}): dyn`;
    target.registerFunction(signature, handler, { async: false });
  }
}

function addMixedArithmetic(target: Environment): void {
  for (const [operator, apply] of Object.entries(arithmetic)) {
    const handler = (a: unknown, b: unknown): number => apply(Number(a), Number(b));
    target.registerOperator(`int ${operator} double`, handler);
    target.registerOperator(`double ${operator} int`, handler);
  }
  target.registerOperator('int == double: bool', (a: bigint, b: number) => Number(a) === b);
}

/** Null is neither more nor less than anything, as in SQL: the comparison is false instead of an error. */
function addNullOrder(target: Environment): void {
  for (const operator of ['<', '<=', '>', '>=']) {
    for (const type of ['int', 'double', 'string', 'google.protobuf.Timestamp']) {
      target.registerOperator(`null ${operator} ${type}: bool`, () => false);
      target.registerOperator(`${type} ${operator} null: bool`, () => false);
    }
    target.registerOperator(`null ${operator} null: bool`, () => false);
  }
}
