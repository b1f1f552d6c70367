import type { Json, JsonObject } from '../../model/json.ts';
import { own } from '../../model/own.ts';
import { ExpressionError } from '../expression/expression-error.ts';
import type { Expression } from '../expression/expression.ts';

/** Evaluates an expression over a record's values; null when it fails. */
export function evaluateOrNull(expression: Expression, values: JsonObject): Json {
  try {
    return expression.evaluate((name) => own(values, name));
  } catch (error) {
    if (error instanceof ExpressionError) return null;
    throw error;
  }
}
