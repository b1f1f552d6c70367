import type { DirectConnection } from '../../src/connectors/testing/direct.ts';
import type { SourceRequest } from '../../src/connectors/contract/source.ts';
import type { Target } from '../../src/connectors/contract/target.ts';
import type { Json, JsonObject } from '../../src/model/json.ts';
import type { Permissions } from '../../src/model/mode.ts';
import type { Value } from '../../src/model/record.ts';

/** The fields of every record the suite uses; all hold text, `code` is the key and never null. */
export const suiteFields = ['code', 'name', 'note'] as const;

/** What a test says of a target. */
export interface TargetOptions {
  readonly permissions?: Permissions;
  readonly tracked?: boolean;
}

/** What a connector's test gives the shared suite. Made anew for each test, over an empty stream. */
export interface Harness {
  readonly connect: () => DirectConnection;
  /** Fills the stream that `sourceRequest` and `target` name; records in order of `code`. */
  readonly seed: (records: readonly JsonObject[]) => Promise<void>;
  /** What the stream holds now, in any order, with `code`, `name` and `note`. */
  readonly readBack: () => Promise<JsonObject[]>;
  /** Absent: the connector cannot be read. */
  readonly sourceRequest?: () => SourceRequest;
  /** The source read by watermark `note`, as far as the connector itself selects by watermark. */
  readonly watermarked?: () => SourceRequest;
  /** The source read in the order of watermark `note`. Absent: the connector cannot sort. */
  readonly ordered?: () => SourceRequest;
  /** Absent: the connector cannot be written. Key `code`, fields `name` and `note`. */
  readonly target?: (options: TargetOptions) => Target;
  /** The target whose records get their ids from the system: the key is the id, all the suite's fields are mapped. */
  readonly assigned?: () => Target & { readonly id: string };
  /** How the source gives a seeded value; default: as it was. */
  readonly reads?: (value: Value) => Value;
  /** A stream that does not exist, and the one its error must name. Absent: streams cannot be checked. */
  readonly wrongStream?: { readonly stream: string; readonly nearest: string };
  /** Values of `name` and `note` that this system refuses. */
  readonly refused?: JsonObject;
  readonly close: () => Promise<void>;
}

/** A permission for everything. */
export const mayAll: Permissions = { create: true, update: true, remove: true };

/** A target over the suite's fields. */
export function suiteTarget(stream: string, options: TargetOptions): Target {
  return {
    sync: 'suite',
    stream,
    key: ['code'],
    fields: ['name', 'note'],
    permissions: options.permissions ?? mayAll,
    match: { caseInsensitive: false, trim: false },
    tracked: options.tracked ?? false,
    options: {},
  };
}

/** What the stream holds now, as lists of `code`, `name` and `note`, in order of `code`. */
export async function heldRecords(harness: Harness): Promise<Json[][]> {
  const records = await harness.readBack();
  return records
    .map((record) => suiteFields.map((field) => record[field] ?? null))
    .toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}
