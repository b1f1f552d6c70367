import type { JsonObject } from '../../../model/json.ts';

/** Query parameters; of a list that is asked for by POST, values by dotted paths of the body. */
export type Params = Readonly<Record<string, string | number | boolean>>;

/**
 * The way in which a list is paged. A list by page, offset or last record ends at an empty page unless `more` says so sooner. Each
 * `parameter` is one of the query; of a list that is asked for by POST, a dotted path of the body.
 */
export type Paging =
  | { readonly type: 'none' }
  | ({
      readonly type: 'page';
      /** Parameter of the page number. */
      readonly parameter: string;
      /** Number of the first page. */
      readonly first: number;
    } & Counted)
  | ({
      readonly type: 'offset';
      /** Parameter of the offset. */
      readonly parameter: string;
    } & Counted)
  | ({
      readonly type: 'cursor';
      /** Parameter of the cursor. */
      readonly parameter: string;
      /** Dotted path of the next cursor in an answer. */
      readonly next: string;
      /** Dotted path of a boolean in an answer: false on the last page. */
      readonly more?: string | undefined;
    } & Sized)
  | ({
      /** The cursor is a field of the last record of the page before, such as Stripe's `starting_after=<id>`. */
      readonly type: 'last_record';
      /** Parameter of the cursor. */
      readonly parameter: string;
      /** Dotted path of the field in a record. */
      readonly field: string;
      /** Dotted path of a boolean in an answer: false on the last page. */
      readonly more?: string | undefined;
    } & Sized)
  | ({
      /** The next address is always asked for by GET. */
      readonly type: 'link';
      /** Dotted path of the next address in an answer. Default: the `Link` header, `rel="next"`. */
      readonly next?: string | undefined;
    } & Sized);

interface Sized {
  /** Parameter of the size of a page. */
  readonly sizeParameter: string;
  /** Records per page. */
  readonly size: number;
}

interface Counted extends Sized {
  /** Dotted path of a boolean in an answer: false on the last page. */
  readonly more?: string | undefined;
  /** True: the order never changes while the list is read. */
  readonly stable: boolean;
  /** So many pages are asked for at once. */
  readonly ahead: number;
}

/**
 * A list of records that an API has.
 *
 * ```ts
 * // HubSpot's search: the cursor goes into the body.
 * const list: ListCall = {
 *   method: 'POST',
 *   path: '/crm/v3/objects/contacts/search',
 *   body: { sorts: ['hs_object_id'] },
 *   bucket: 'search',
 *   records: 'results',
 *   pagination: { type: 'cursor', parameter: 'after', next: 'paging.next.after', sizeParameter: 'limit', size: 200 },
 * };
 * ```
 */
export interface ListCall {
  /** Default GET. */
  readonly method?: 'GET' | 'POST' | undefined;
  /** Path of the list, added to the base address. */
  readonly path: string;
  /** With POST: the body of every call, into which the page, the size and the watermark are written. Default: `{}`. */
  readonly body?: JsonObject | undefined;
  /** Query parameters of every call. */
  readonly params?: Params | undefined;
  /** Dotted path of the list in an answer; '': the body. */
  readonly records: string;
  readonly pagination: Paging;
  /** The bucket of the quota, as of `Call`. */
  readonly bucket?: string | undefined;
  /** The way to read only what changed. */
  readonly incremental?:
    | {
        /**
         * Query parameter that takes the watermark, such as `updated_since`; with POST a dotted path of the body, such as
         * `filterGroups.0.filters.0.value`, where it is a number if `body` has one there.
         */
        readonly parameter: string;
      }
    | undefined;
}
