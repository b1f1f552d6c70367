import { isScalar, visit, type Document, type Scalar } from 'yaml';

/** The result of filling in a scalar's `${NAME}` references. */
export interface Reference {
  readonly missing: readonly string[];
}

/** The result of filling in a document's references. */
export interface Filled {
  /** Every scalar that held a reference. */
  readonly references: ReadonlyMap<Scalar, Reference>;
  /** The values of the variables that were used, by name; only for redaction. */
  readonly used: ReadonlyMap<string, string>;
}

const pattern = /\$(\$\{)|\$\{([^}]*)\}/g;

/**
 * Replaces `${NAME}` in every string of a document by the variable's value; `$${` stands for `${` itself. A variable
 * that is missing or empty leaves its reference in place and is listed.
 */
export function fillIn(
  document: Document,
  env: Readonly<Record<string, string | undefined>>,
): Filled {
  const references = new Map<Scalar, Reference>();
  const used = new Map<string, string>();
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || !isScalar(node) || typeof node.value !== 'string') return;
      const text = node.value;
      const missing: string[] = [];
      let refers = false;
      node.value = text.replace(pattern, (whole, escaped: string | undefined, name: string) => {
        if (escaped !== undefined) return escaped;
        refers = true;
        const value = env[name];
        if (value === undefined || value === '') {
          missing.push(name);
          return whole;
        }
        used.set(name, value);
        return value;
      });
      if (refers) references.set(node, { missing });
    },
  });
  return { references, used };
}

/** The shortest value that is redacted. Shorter ones are too common in ordinary text. */
const shortestSecret = 4;

/** Returns `text` with the values of variables replaced by the references to them. */
export function redact(text: string, used: ReadonlyMap<string, string>): string {
  let clean = text;
  const longestFirst = [...used].toSorted(([, a], [, b]) => b.length - a.length);
  for (const [name, value] of longestFirst) {
    if (value.length >= shortestSecret) clean = clean.replaceAll(value, `\${${name}}`);
  }
  return clean;
}
