import type { Json } from '../../model/json.ts';
import type { Expression } from '../expression/expression.ts';

/** A source field, or with `path` a value inside a JSON field. */
export interface SourcePath {
  readonly from: string;
  readonly path?: readonly string[];
  /** Where the value is looked for next in a record that lacks it here. */
  readonly else?: SourcePath;
}

/** Where one destination field comes from in the record itself. */
export type OwnEntry =
  | ({ readonly to: string } & SourcePath)
  | { readonly to: string; readonly expr: Expression }
  | { readonly to: string; readonly value: Json };
