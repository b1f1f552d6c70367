/**
 * A number kept as the digits it was written with, because a double would change it: an integer beyond 2^53 or a
 * decimal with more than 15 significant digits. Connectors write `digits` out verbatim.
 */
export class ExactNumber {
  readonly digits: string;

  /** @param digits a JSON number literal */
  constructor(digits: string) {
    this.digits = digits;
  }

  toString(): string {
    return this.digits;
  }
}

/** Any JSON value; numbers that a double cannot hold are `ExactNumber`s. */
export type Json = null | boolean | number | string | ExactNumber | Json[] | JsonObject;

/** A JSON object, as an API returns a record. */
export interface JsonObject {
  [name: string]: Json;
}

/** True when `value` is a JSON object: not null, not a list, not an `ExactNumber`. */
export function isJsonObject(value: unknown): value is JsonObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof ExactNumber)
  );
}
