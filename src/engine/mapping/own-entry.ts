import type { Json } from '../../model/json.ts';
import type { Expression } from '../expression/expression.ts';

/** A source field; with `path`, a value inside a JSON field. */
export interface SourcePath {
  readonly from: string;
  readonly path?: readonly string[];
  /** The next place to look for the value when the record lacks this one. */
  readonly else?: SourcePath;
}

/** The origin of one destination field within the record itself. */
export type OwnEntry =
  | ({ readonly to: string } & SourcePath)
  | { readonly to: string; readonly expr: Expression }
  | { readonly to: string; readonly value: Json };
