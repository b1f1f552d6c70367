import type { StagedLayout, StagedRow } from '../../src/connectors/contract/staging.ts';
import type { Encoding, Value } from '../../src/model/record.ts';

/** The layout of staged records of the suite: `code`, `name` and `note`. */
export function suiteLayout(encoding: Encoding): StagedLayout {
  const text = (name: string) => ({ field: { name, type: 'text' }, encoding }) as const;
  return {
    columns: [text('code'), text('name'), text('note')],
    key: [0],
    assign: [
      { to: 'name', from: 1 },
      { to: 'note', from: 2 },
    ],
    uniqueKeys: false,
  };
}

/** Rows as they are staged. */
export async function* rowsIn(rows: readonly (readonly Value[])[]): AsyncGenerator<StagedRow[]> {
  yield rows.map((values) => ({ values }));
}
