import type { Seal } from '../seal.ts';

/** Texts that are remembered. */
const most = 50_000;

/** Keyed hashes; those of late are remembered, as what is looked for is often stored next. */
export class RecentHashes {
  readonly #seal: Pick<Seal, 'hash'>;
  #recent = new Map<string, Buffer>();
  #older: ReadonlyMap<string, Buffer> = new Map();

  constructor(seal: Pick<Seal, 'hash'>) {
    this.#seal = seal;
  }

  of(text: string): Buffer {
    const known = this.#recent.get(text);
    if (known !== undefined) return known;
    const hash = this.#older.get(text) ?? this.#seal.hash(text);
    if (this.#recent.size >= most) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(text, hash);
    return hash;
  }
}
