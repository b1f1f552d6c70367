import type { z } from 'zod';
import { hintFor } from './hint.ts';
import { knownKeys } from './known-keys.ts';
import type { Path, Reporter } from './reporter.ts';

type Issue = z.core.$ZodIssue;

/**
 * Checks `value`, which the file holds at `path`, against `schema` and reports what is wrong. A variable's value is
 * always text; where the schema wants a number or a boolean, the text is read as one.
 *
 * @param also keys that the mapping may have beside those of `schema`; hints for unknown keys name them too
 * @returns the checked value, or undefined if there was a problem
 */
export function checkShape<T>(
  file: Reporter,
  path: Path,
  value: unknown,
  schema: z.ZodType<T>,
  also: readonly string[] = [],
): T | undefined {
  const first = schema.safeParse(value);
  if (first.success) return first.data;
  const again = schema.safeParse(readVariables(file, path, value, first.error.issues));
  if (again.success) return again.data;
  for (const issue of again.error.issues) reportIssue(file, path, value, schema, issue, also);
  return undefined;
}

function reportIssue(
  file: Reporter,
  base: Path,
  value: unknown,
  schema: z.ZodType,
  issue: Issue,
  also: readonly string[],
): void {
  const path = [...base, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const known = [...knownKeys(schema, issue.path), ...(issue.path.length === 0 ? also : [])];
    for (const key of issue.keys) {
      file.report([...path, key], 'unknown key', hintFor(key, known));
    }
    return;
  }
  const branch = issue.code === 'invalid_union' ? meantBranch(issue) : undefined;
  if (branch) {
    for (const inner of branch) {
      const nested = { ...inner, path: [...issue.path, ...inner.path] };
      reportIssue(file, base, value, schema, nested, also);
    }
    return;
  }
  const present = at(value, issue.path);
  if (present === undefined || present === null) {
    file.report(path, `is required${expected(issue)}`);
    return;
  }
  const choices = choicesOf(issue);
  const hint =
    typeof present === 'string' && choices && !file.refers(path)
      ? near(present, choices)
      : undefined;
  file.report(path, describe(issue), hint);
}

function near(name: string, choices: readonly string[]): string | undefined {
  const hint = hintFor(name, choices);
  return hint?.startsWith('did') ? hint : undefined;
}

function describe(issue: Issue): string {
  const choices = choicesOf(issue);
  if (choices)
    return choices.length === 1 ? `must be ${choices[0]}` : `must be one of ${choices.join(', ')}`;
  if (issue.code === 'invalid_type') return `must be ${noun(issue.expected)}`;
  if (issue.code === 'invalid_union') return `must be ${unionNouns(issue).join(' or ')}`;
  if (issue.code === 'invalid_key') return `the name ${issue.issues[0]?.message ?? 'is not valid'}`;
  if (issue.code === 'too_small' && issue.minimum === 1) return 'must not be empty';
  return issue.message;
}

function expected(issue: Issue): string {
  const choices = choicesOf(issue);
  if (choices) return `: ${choices.length === 1 ? '' : 'one of '}${choices.join(', ')}`;
  if (issue.code === 'invalid_type') return `: ${noun(issue.expected)}`;
  return issue.code === 'invalid_union' ? `: ${unionNouns(issue).join(' or ')}` : '';
}

function choicesOf(issue: Issue): readonly string[] | undefined {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  if (issue.code === 'invalid_union' && 'options' in issue)
    return (issue.options as unknown[]).map(String);
  return undefined;
}

const nouns: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
};

function noun(type: string): string {
  return nouns[type] ?? type;
}

function unionNouns(issue: Extract<Issue, { code: 'invalid_union' }>): string[] {
  const all = issue.errors.flatMap((branch) => {
    const whole = branch[0];
    if (whole === undefined) return [];
    if (whole.code === 'invalid_type') return [noun(whole.expected)];
    return choicesOf(whole) ?? [];
  });
  return [...new Set(all)];
}

/** Returns the branch of a union that the author probably meant: of the right type, with the fewest faults. */
function meantBranch(issue: Extract<Issue, { code: 'invalid_union' }>): Issue[] | undefined {
  const wrongType = ({ path, code }: Issue): boolean =>
    path.length === 0 && (code === 'invalid_type' || code === 'invalid_value');
  return issue.errors
    .filter((branch) => !branch.some(wrongType))
    .toSorted((a, b) => a.length - b.length)[0];
}

/** Returns `value` with texts that came from variables read as the numbers and booleans that `issues` ask for. */
function readVariables(
  file: Reporter,
  base: Path,
  value: unknown,
  issues: readonly Issue[],
): unknown {
  const copy: unknown = structuredClone(value);
  for (const issue of issues.flatMap((one) => innermost(one))) {
    const text = at(copy, issue.path);
    if (issue.code !== 'invalid_type' || typeof text !== 'string') continue;
    const name = issue.path.at(-1);
    if (name === undefined || !file.refers([...base, ...issue.path])) continue;
    const parent = at(copy, issue.path.slice(0, -1)) as Record<PropertyKey, unknown>;
    parent[name] = readAs(issue.expected, text);
  }
  return copy;
}

/** Returns the issues of all branches of a union, however deep, with their full paths. */
function innermost(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  return issue.errors.flat().flatMap((inner) => {
    return innermost({ ...inner, path: [...issue.path, ...inner.path] });
  });
}

function readAs(type: string, text: string): unknown {
  if (type === 'number' || type === 'int') return text.trim() === '' ? text : Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

function at(value: unknown, path: Path): unknown {
  let found = value;
  for (const name of path) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as Record<PropertyKey, unknown>)[name];
  }
  return found;
}
