import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants } from 'node:zlib';
import { sql } from 'kysely';
import type { Database } from '../database/database.ts';
import type { Seal } from '../sealing/seal.ts';

const compress = promisify(brotliCompress);
const decompress = promisify(brotliDecompress);
/** The fastest: texts are read once, soon, and thrown away. */
const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };

/**
 * The kinds of texts that rest in a chunk of a keyed path: its records, the operations that are due, the records that wait for earlier
 * chunks, and the canonical keys of both.
 */
export type StageKind = 'records' | 'operations' | 'deferred' | 'keys';

/** Texts by kind; null: this kind is not needed any more. */
export type Stage = Readonly<Partial<Record<StageKind, string | null>>>;

/** Texts ready to be put: compressed and sealed. */
export type PackedStage = readonly { readonly kind: string; readonly data: Buffer | null }[];

/** The texts that rest in chunks between two steps: compressed, and sealed since they hold records. */
export class StagedTexts {
  readonly #db: Database;
  readonly #seal: Seal;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  /** The text of a kind in a chunk; null when there is nothing (any more). */
  async get(run: string, no: number, kind: StageKind): Promise<string | null> {
    const row = await this.#ofKind(run, kind).where('no', '=', no).executeTakeFirst();
    return row === undefined ? null : this.#unpack(row.data);
  }

  /** The texts of a kind in the chunks before `no`: of those that are not exported yet. */
  async before(run: string, no: number, kind: StageKind): Promise<string[]> {
    const rows = await this.#ofKind(run, kind).where('no', '<', no).execute();
    return Promise.all(rows.map(({ data }) => this.#unpack(data)));
  }

  /** Makes texts ready for {@link put}, which belongs into a transaction that should be short. */
  async pack(stage: Stage): Promise<PackedStage> {
    return Promise.all(
      Object.entries(stage).map(async ([kind, text]) => ({
        kind,
        data: text === null ? null : this.#seal.seal(await compress(Buffer.from(text), options)),
      })),
    );
  }

  /** Puts texts in place of earlier ones of their kinds. */
  async put(tx: Database, run: string, no: number, packed: PackedStage): Promise<void> {
    for (const { kind, data } of packed) {
      if (data === null)
        await sql`delete from staged where run = ${run} and no = ${no} and kind = ${kind}`.execute(
          tx,
        );
      else
        await sql`insert into staged (run, no, kind, data) values (${run}, ${no}, ${kind}, ${data})
          on conflict (run, no, kind) do update set data = excluded.data`.execute(tx);
    }
  }

  #ofKind(run: string, kind: StageKind) {
    return this.#db
      .selectFrom('staged')
      .select('data')
      .where('run', '=', run)
      .where('kind', '=', kind);
  }

  async #unpack(data: Buffer): Promise<string> {
    return (await decompress(this.#seal.open(data))).toString();
  }
}
