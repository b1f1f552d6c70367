import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type YAMLParseError,
} from 'yaml';
import type { Problem } from './problem.ts';
import type { Path, Reporter } from './reporter.ts';
import { fillIn, redact, type Filled, type Reference } from './references.ts';

/** A value in the file, and the offset where a reader would look for it: that of its key, if it has one. */
interface Step {
  readonly node: unknown;
  readonly offset: number;
}

/** A project file as text with positions. It collects the problems that are found in it. */
export class SourceFile implements Reporter {
  readonly problems: Problem[] = [];
  readonly #document: Document;
  readonly #lines = new LineCounter();
  readonly #filled: Filled;

  /** @param env the variables that `${NAME}` references stand for */
  constructor(text: string, env: Readonly<Record<string, string | undefined>>) {
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    this.#filled = fillIn(this.#document, env);
    if (this.#document.errors.length === 0) this.#reportMissing();
    for (const error of this.#document.errors) this.#reportSyntax(error, text);
  }

  /** Returns the file's content with variables filled in; null for an empty file. */
  value(): unknown {
    return this.#document.toJS();
  }

  /** True when the text is valid YAML; otherwise `value` is meaningless. */
  get parsed(): boolean {
    return this.#document.errors.length === 0;
  }

  /** Reports a problem at the place that `path` leads to, or as near to it as the file goes. */
  report(path: Path, message: string, hint?: string): void {
    // A reference that could not be filled in is reported once, not for everything that follows from it.
    if (this.#reference(path)?.missing.length) return;
    this.#add(path, this.#walk(path).at(-1)?.offset ?? 0, message, hint);
  }

  /** True when the scalar at `path` refers to a variable. */
  refers(path: Path): boolean {
    return this.#reference(path) !== undefined;
  }

  #reference(path: Path): Reference | undefined {
    const steps = this.#walk(path);
    const node = steps.at(-1)?.node;
    return steps.length === path.length && isScalar(node)
      ? this.#filled.references.get(node)
      : undefined;
  }

  #reportMissing(): void {
    for (const { path, node, offset } of entries(this.#document)) {
      const missing = isScalar(node) ? this.#filled.references.get(node)?.missing : undefined;
      for (const name of missing ?? []) {
        const hint = `set ${name}, or write $\${${name}} if no variable is meant`;
        this.#add(path, offset, `the environment variable ${name} is not set`, hint);
      }
    }
  }

  #reportSyntax(error: YAMLParseError, text: string): void {
    const offset = error.pos[0];
    if (error.code === 'DUPLICATE_KEY') {
      const path = entries(this.#document).findLast((entry) => entry.offset === offset)?.path ?? [];
      this.#add(path, offset, 'is given twice', 'keep one of the two');
      return;
    }
    const line = text.split('\n')[this.#lines.linePos(offset).line - 1] ?? '';
    this.#add([], offset, error.message, unquotedReference(line));
  }

  #add(path: Path, offset: number, message: string, hint: string | undefined): void {
    const { line, col } = this.#lines.linePos(offset);
    this.problems.push({
      path: path.map(String).join('.'),
      line,
      column: col,
      message: redact(message, this.#filled.used),
      ...(hint === undefined ? {} : { hint: redact(hint, this.#filled.used) }),
    });
  }

  /** Returns the values along `path`, as far as they exist. */
  #walk(path: Path): Step[] {
    const steps: Step[] = [];
    let node: unknown = this.#document.contents;
    for (const name of path) {
      const step = child(isAlias(node) ? node.resolve(this.#document) : node, name);
      if (step === undefined) break;
      steps.push(step);
      node = step.node;
    }
    return steps;
  }
}

function child(parent: unknown, name: PropertyKey): Step | undefined {
  if (isMap(parent)) {
    const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === name);
    return pair && { node: pair.value, offset: start(pair.key) };
  }
  if (isSeq(parent)) {
    const item = parent.items[Number(name)];
    return item === undefined ? undefined : { node: item, offset: start(item) };
  }
  return undefined;
}

function start(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0;
}

/** Returns every value of a document below its root, outer ones before inner ones. */
function entries(document: Document): (Step & { path: Path })[] {
  const found: (Step & { path: Path })[] = [];
  const descend = (node: unknown, path: Path): void => {
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        const inner = [...path, isScalar(key) ? String(key.value) : ''];
        found.push({ path: inner, node: value, offset: start(key) });
        descend(value, inner);
      }
    }
    if (isSeq(node)) {
      for (const [index, item] of node.items.entries()) {
        found.push({ path: [...path, index], node: item, offset: start(item) });
        descend(item, [...path, index]);
      }
    }
  };
  descend(document.contents, []);
  return found;
}

function unquotedReference(line: string): string | undefined {
  return /[{,:]\s*[^'"\s]*\$\{/.test(line)
    ? 'put quotes around a value that holds ${…}'
    : undefined;
}
