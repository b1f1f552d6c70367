/**
 * An expression that cannot be compiled (`invalid_expression`, `unknown_field`) or that failed on a record
 * (`expression_failed`; `inexact`: the result has more digits than can be computed). The message never holds a record's
 * values (R1).
 */
export class ExpressionError extends Error {
  readonly code: 'invalid_expression' | 'unknown_field' | 'expression_failed' | 'inexact';
  /** For `unknown_field`: the existing names that are most similar. */
  readonly nearest: readonly string[];

  constructor(code: ExpressionError['code'], message: string, nearest: readonly string[] = []) {
    super(message);
    this.name = 'ExpressionError';
    this.code = code;
    this.nearest = nearest;
  }
}
