/** Query parameters. */
export type Params = Readonly<Record<string, string | number | boolean>>;

/** How a list is paged. A list by page or offset ends at an empty page unless `more` says so sooner. */
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
  /** How many pages are asked for at once. */
  readonly ahead: number;
}

/** A list of records that an API has. */
export interface ListCall {
  /** Path of the list, added to the base address. */
  readonly path: string;
  /** Query parameters of every call. */
  readonly params?: Params | undefined;
  /** Dotted path of the list in an answer; '': the body. */
  readonly records: string;
  readonly pagination: Paging;
  /** How only what changed is read. */
  readonly incremental?:
    | {
        /** Query parameter that takes the watermark, such as `updated_since`. */
        readonly parameter: string;
      }
    | undefined;
}
