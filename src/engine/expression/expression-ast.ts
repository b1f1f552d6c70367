import type { ASTNode } from '@marcbachmann/cel-js';

/** One use of the record in an expression. */
export interface FieldUse {
  /** The field's name; null for an access to `record` whose name is known only at run time. */
  readonly field: string | null;
  /** The place of a bare identifier in the source text; absent for `record["…"]`. */
  readonly range?: { readonly start: number; readonly end: number };
}

/** The uses of fields in an expression, and the branches that may differ in type. */
export interface Analysis {
  readonly uses: readonly FieldUse[];
  /** Literals that are a branch of `?:`. */
  readonly branches: readonly { readonly start: number; readonly end: number }[];
}

const macros = new Set(['all', 'exists', 'exists_one', 'map', 'filter', 'bind']);

/** Finds every identifier that is not bound by a macro such as `tags.exists(t, …)`. */
export function analyse(root: ASTNode): Analysis {
  const uses: FieldUse[] = [];
  const branches: { start: number; end: number }[] = [];
  const visit = (node: ASTNode, bound: ReadonlySet<string>): void => {
    const access = recordAccess(node, bound);
    if (access !== undefined) {
      uses.push({ field: access });
      if (access !== null) return;
    }
    if (node.op === 'id' && access === undefined) {
      if (!bound.has(node.args)) uses.push({ field: node.args, range: node.range });
      return;
    }
    if (node.op === '?:') {
      for (const branch of node.args.slice(1))
        if (branch.op === 'value') branches.push(branch.range);
    }
    visitChildren(node, bound, visit);
  };
  visit(root, new Set());
  return { uses, branches };
}

/**
 * Returns the name in `record.name` or `record["name"]`; null for another use of `record`; undefined for anything else.
 */
function recordAccess(node: ASTNode, bound: ReadonlySet<string>): string | null | undefined {
  if (bound.has('record')) return undefined;
  if (node.op === 'id') return node.args === 'record' ? null : undefined;
  if (node.op !== '.' && node.op !== '.?' && node.op !== '[]' && node.op !== '[?]')
    return undefined;
  const [target, name] = node.args;
  if (target.op !== 'id' || target.args !== 'record') return undefined;
  if (typeof name === 'string') return name;
  return name.op === 'value' && typeof name.args === 'string' ? name.args : undefined;
}

type Visit = (node: ASTNode, bound: ReadonlySet<string>) => void;

function visitChildren(node: ASTNode, bound: ReadonlySet<string>, visit: Visit): void {
  if (node.op !== 'rcall') {
    for (const child of nodesIn(node.args)) visit(child, bound);
    return;
  }
  const [name, receiver, args] = node.args;
  const [first, ...rest] = args;
  if (!macros.has(name) || first?.op !== 'id' || rest.length === 0) {
    for (const child of [receiver, ...args]) visit(child, bound);
    return;
  }
  if (name !== 'bind') visit(receiver, bound);
  const inner = new Set([...bound, first.args]);
  for (const child of rest) visit(child, inner);
}

/** Returns all nodes of an expression, each before its children. */
export function allNodes(node: ASTNode): ASTNode[] {
  return [node, ...nodesIn(node.args).flatMap(allNodes)];
}

function nodesIn(value: unknown): ASTNode[] {
  if (Array.isArray(value)) return value.flatMap(nodesIn);
  return isNode(value) ? [value] : [];
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'toOldStructure' in value;
}
