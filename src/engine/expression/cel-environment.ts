import { Environment } from '@marcbachmann/cel-js';
import { Decimal } from './decimal-value.ts';
import { library, type LibraryFunction } from './functions.ts';
import { addNumbers } from './cel-numbers.ts';

/**
 * The CEL environment of all expressions: the function library, comparisons that tolerate null, decimals, and
 * arithmetic between all kinds of numbers.
 */
export const environment = createEnvironment();

function createEnvironment(): Environment {
  const created = new Environment({
    unlistedVariablesAreDyn: true,
    homogeneousAggregateLiterals: false,
    enableOptionalTypes: true,
  });
  for (const [name, definition] of Object.entries(library)) addFunction(created, name, definition);
  created.registerType('decimal', Decimal);
  addNumbers(created);
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

/** Makes a comparison with null false instead of an error: as in SQL, null is neither more nor less than anything. */
function addNullOrder(target: Environment): void {
  for (const operator of ['<', '<=', '>', '>=']) {
    for (const type of ['int', 'double', 'decimal', 'string', 'google.protobuf.Timestamp']) {
      target.registerOperator(`null ${operator} ${type}: bool`, () => false);
      target.registerOperator(`${type} ${operator} null: bool`, () => false);
    }
    target.registerOperator(`null ${operator} null: bool`, () => false);
  }
}
