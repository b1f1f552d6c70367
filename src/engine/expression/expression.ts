import { EvaluationError, type ParseResult } from '@marcbachmann/cel-js';
import type { FieldType, KnownFields } from '../../model/field.ts';
import type { Json } from '../../model/json.ts';
import { environment } from './cel-environment.ts';
import { compareDeeply } from './cel-equality.ts';
import { allowAnyNames } from './cel-maps.ts';
import { fromCel, toCel } from './cel-value.ts';
import { analyse, type Analysis } from './expression-ast.ts';
import { ExpressionError } from './expression-error.ts';
import { similarNames } from '../../model/nearest.ts';
import { didYouMean } from './did-you-mean.ts';

/** A compiled CEL expression. */
export interface Expression {
  readonly source: string;
  /** The source fields it reads. */
  readonly fieldsUsed: readonly string[];
  /**
   * Evaluates the expression for one record.
   * @param get returns the value of a field; undefined where the record lacks it, which reads as null
   * @throws ExpressionError `expression_failed` or `inexact`, its message without values
   */
  evaluate(get: (field: string) => Json | undefined): Json;
}

/**
 * Compiles an expression over source fields. A field is written as an identifier, or as `record["any name"]`.
 *
 * @param known the fields that exist
 * @param owner the thing that has the fields, for messages
 * @throws ExpressionError `invalid_expression` or `unknown_field`
 */
export function compileExpression(
  source: string,
  known: KnownFields,
  owner: 'source' | 'entity' = 'source',
): Expression {
  const analysis = analyse(parse(source).ast);
  const types = new Map(known.fields.map((field) => [field.name, field.type]));
  const isOpen = known.sampled === true || (owner === 'source' && types.size === 0);
  const names = usedNames(source, analysis, { types, isOpen, owner });
  const aliases = new Map(
    names.bare.map((name) => [name, environment.hasVariable(name) ? `_field_${name}` : name]),
  );
  const program = parse(rewrite(source, analysis, aliases));
  const check = program.check();
  if (!check.valid) throw invalid(check.error);
  compareDeeply(program.ast);
  allowAnyNames(program.ast);
  const evaluate = evaluator(program, aliases, names.record, types);
  return { source, fieldsUsed: [...new Set([...names.bare, ...names.record])], evaluate };
}

function parse(source: string): ParseResult {
  try {
    return environment.parse(source);
  } catch (error) {
    throw invalid(error);
  }
}

function invalid(error: unknown): ExpressionError {
  const message =
    error instanceof Error
      ? 'summary' in error
        ? String(error.summary)
        : error.message
      : 'not valid CEL';
  return new ExpressionError('invalid_expression', message.split('\n', 1)[0] ?? message);
}

interface UsedNames {
  /** Fields that are written as identifiers. */
  readonly bare: readonly string[];
  /** Fields reached through `record`. */
  readonly record: readonly string[];
}

interface Names {
  readonly types: ReadonlyMap<string, FieldType>;
  /** True when there may be more fields than those of `types`. */
  readonly isOpen: boolean;
  readonly owner: string;
}

function usedNames(source: string, { uses }: Analysis, { types, isOpen, owner }: Names): UsedNames {
  const bare = new Set<string>();
  const record = new Set<string>();
  for (const { field, range } of uses) {
    if (field === null) {
      if (isOpen)
        throw new ExpressionError(
          'invalid_expression',
          'record needs a fixed name, as in record["name"]',
        );
      for (const name of types.keys()) record.add(name);
    } else if (types.has(field) || (isOpen && !isType(source, field))) {
      (range === undefined ? record : bare).add(field);
    } else if (range === undefined || !environment.hasVariable(field)) {
      const names = similarNames(field, [...types.keys()]);
      throw new ExpressionError(
        'unknown_field',
        `the ${owner} has no field ${field}${didYouMean(names)}`,
        names,
      );
    }
  }
  return { bare: [...bare], record: [...record] };
}

/**
 * True when a name is one of CEL's types rather than a field. Where not all fields are known, a name such as `int` is a
 * type only in an expression that calls `type()`.
 */
function isType(source: string, name: string): boolean {
  if (name === 'cel' || name === 'optional' || name === 'google') return true;
  return environment.hasVariable(name) && /\btype\s*\(/.test(source);
}

/**
 * Renames fields that are called like CEL's own types (`type`, `string`, …), and lets the branches of `?:` differ in
 * type (`paid ? amount : null`).
 */
function rewrite(
  source: string,
  { uses, branches }: Analysis,
  aliases: ReadonlyMap<string, string>,
): string {
  const edits = branches.map((range) => ({
    range,
    text: `dyn(${source.slice(range.start, range.end)})`,
  }));
  for (const { field, range } of uses) {
    const alias = field === null ? undefined : aliases.get(field);
    if (range !== undefined && alias !== undefined && alias !== field)
      edits.push({ range, text: alias });
  }
  return edits
    .toSorted((a, b) => b.range.start - a.range.start)
    .reduce(
      (text, { range, text: replacement }) =>
        text.slice(0, range.start) + replacement + text.slice(range.end),
      source,
    );
}

function evaluator(
  program: ParseResult,
  aliases: ReadonlyMap<string, string>,
  record: readonly string[],
  types: ReadonlyMap<string, FieldType>,
): Expression['evaluate'] {
  const bare = [...aliases].map(([field, alias]) => ({ field, alias, type: types.get(field) }));
  return (get) => {
    const context = Object.create(null) as Record<string, unknown>;
    for (const { field, alias, type } of bare) context[alias] = toCel(get(field), type);
    if (record.length > 0)
      context['record'] = new Map(record.map((name) => [name, toCel(get(name), types.get(name))]));
    try {
      const result = fromCel(program(context));
      if (result !== undefined) return result;
    } catch (error) {
      throw failed(error);
    }
    throw new ExpressionError('expression_failed', 'the result is not a JSON value');
  };
}

/** Converts an error of CEL. Its own message may quote a value, so only its code is passed on (R1). */
function failed(error: unknown): ExpressionError {
  if (error instanceof ExpressionError) return error;
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof ExpressionError) return cause;
  const code =
    error instanceof EvaluationError ? error.code.replaceAll('_', ' ') : 'evaluation failed';
  return new ExpressionError('expression_failed', code);
}
