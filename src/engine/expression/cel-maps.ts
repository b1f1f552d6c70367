import type { ASTNode } from '@marcbachmann/cel-js';
import { allNodes } from './expression-ast.ts';

/** A map literal (`{"a": 1}`) as CEL evaluates it. */
interface MapLiteral {
  evaluate: (evaluator: Evaluator, node: ASTNode, context: unknown) => unknown;
}

interface Evaluator {
  run(node: ASTNode, context: unknown): unknown;
}

/**
 * Lets map literals have any names: CEL's own evaluation drops names that every JavaScript object has, such as
 * `constructor`.
 */
export function allowAnyNames(root: ASTNode): void {
  for (const node of allNodes(root)) {
    if (node.op !== 'map') continue;
    const { args } = node;
    (node as unknown as MapLiteral).evaluate = (evaluator, _, context) =>
      new Map(
        args.map(([name, value]) => [evaluator.run(name, context), evaluator.run(value, context)]),
      );
  }
}
