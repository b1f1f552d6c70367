import type { ValueCodec } from './values.ts';

/** The entity whose records are meant, and how its values rest. */
export interface EntityRef {
  readonly no: number;
  readonly codec: ValueCodec;
}
