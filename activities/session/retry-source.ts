import type { Calls } from '../../src/connectors/contract/calls.ts';
import type { Page, PageRequest } from '../../src/connectors/contract/page.ts';
import type { Source } from '../../src/connectors/contract/source.ts';
import { ConfigError } from '../../src/model/failure.ts';
import type { KeyValues } from '../../src/model/record.ts';
import type { RecordErrors } from '../../src/store/runs/record-errors.ts';

/** The number of record errors read for one page. */
const pageSize = 1000;

/** Returns a source of only those records that failed in an earlier run and have a key. */
export function retrySource(
  source: Source,
  keys: readonly string[],
  errors: RecordErrors,
  run: string,
): Source {
  const { lookup } = source;
  if (lookup === undefined) {
    throw new ConfigError(
      'cannot_retry',
      'this source cannot read single records: run the sync again instead',
    );
  }
  return {
    encoding: source.encoding,
    fields: source.fields,
    ...(source.sampled !== undefined && { sampled: source.sampled }),
    uniqueBy: [],
    async read(request: PageRequest, calls: Calls): Promise<Page> {
      const page = await errors.list(run, {
        limit: pageSize,
        ...(request.cursor !== null && { after: request.cursor }),
      });
      const wanted = page.errors
        .map(({ key }) => key)
        .filter((key): key is KeyValues => key !== null);
      const { fields, rest } = request;
      const asked = { keyFields: keys, keys: wanted, fields, ...(rest !== undefined && { rest }) };
      const batch = await lookup.call(source, asked, calls);
      return {
        async *batches() {
          yield batch;
        },
        end: () => ({ cursor: page.next, records: batch.rows.length, bytes: 0 }),
      };
    },
  };
}
