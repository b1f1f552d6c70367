import { parseLossless, stringifyLossless } from '../../model/lossless-json.ts';
import { inTheClear } from '../key-ring.ts';
import type { Seal } from '../seal.ts';

/** How an entity's values rest: sealed or, where the entity says `encrypted: false`, as JSON behind four zero bytes. */
export class ValueCodec {
  readonly #seal: Seal;
  readonly #encrypted: boolean;

  constructor(seal: Seal, encrypted: boolean) {
    this.#seal = seal;
    this.#encrypted = encrypted;
  }

  encode(value: unknown): Buffer {
    const text = stringifyLossless(value);
    if (this.#encrypted) return this.#seal.seal(text);
    const length = Buffer.byteLength(text);
    const bytes = Buffer.allocUnsafe(inTheClear.length + length);
    inTheClear.copy(bytes);
    bytes.write(text, inTheClear.length);
    return bytes;
  }

  decode(bytes: Buffer): unknown {
    return parseLossless(this.#seal.open(bytes).toString());
  }
}
