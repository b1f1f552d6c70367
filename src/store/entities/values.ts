import { parseLossless, stringifyExact } from '../../model/lossless-json.ts';
import { inTheClear } from '../sealing/key-ring.ts';
import type { Blobs } from '../sealing/blobs.ts';
import type { Seal } from '../sealing/seal.ts';

/** Encodes an entity's values: sealed or, where the entity says `encrypted: false`, as JSON behind four zero bytes. */
export class ValueCodec {
  readonly #seal: Seal;
  readonly #encrypted: boolean;

  constructor(seal: Seal, encrypted: boolean) {
    this.#seal = seal;
    this.#encrypted = encrypted;
  }

  encodeAll(values: readonly unknown[]): Blobs {
    const texts = values.map(stringifyExact);
    return this.#encrypted ? this.#seal.sealAll(texts) : inTheClearAll(texts);
  }

  decode(bytes: Buffer): unknown {
    return parseLossless(this.#seal.open(bytes).toString());
  }
}

function inTheClearAll(texts: readonly string[]): Blobs {
  const lengths = texts.map((text) => inTheClear.length + Buffer.byteLength(text));
  const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const text of texts) {
    at += inTheClear.copy(bytes, at);
    at += bytes.write(text, at);
  }
  return { bytes, lengths };
}
