import { isUtf8 } from 'node:buffer';
import { ConfigError } from '../../../model/failure.ts';

/** Converts texts to the bytes of an encoding. */
export interface Encoder {
  /** True when the encoding has every character of a text. */
  holds(text: string): boolean;
  /** @throws ConfigError `invalid_encoding` for a character that the encoding lacks */
  encode(text: string): Buffer;
}

/** Returns the name that the Encoding Standard gives a label such as `latin1`; undefined for an unknown label. */
export function encodingNamed(label: string): string | undefined {
  try {
    return new TextDecoder(label, { fatal: true }).encoding;
  } catch {
    return undefined;
  }
}

/** Returns the encoding that a text's byte order mark stands for; undefined when there is none. */
export function byteOrderMarkOf(first: Buffer): string | undefined {
  if (first[0] === 0xef && first[1] === 0xbb && first[2] === 0xbf) return 'utf-8';
  if (first[0] === 0xff && first[1] === 0xfe) return 'utf-16le';
  return first[0] === 0xfe && first[1] === 0xff ? 'utf-16be' : undefined;
}

/**
 * Decodes a UTF-8 text of a file. Invalid bytes throw; they never become U+FFFD.
 * @param at the place where it begins, for the message
 * @throws ConfigError `invalid_encoding`
 */
export function textOf(name: string, bytes: Buffer, at: { byte: number; line: number }): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const whole = decodable('utf-8', bytes);
  throw undecodable(name, 'utf-8', {
    byte: at.byte + whole,
    line: at.line + linesIn(bytes.subarray(0, whole)),
  });
}

/**
 * Converts bytes of another encoding to UTF-8. A byte order mark is kept.
 * @throws ConfigError `invalid_encoding`
 */
export async function* transcoded(
  name: string,
  encoding: string,
  source: AsyncIterable<Buffer>,
): AsyncIterable<Buffer> {
  const decode = decoderOf(encoding);
  const at = { byte: 0, line: 0 };
  for await (const chunk of source) {
    const text = attempt(() => decode(chunk, { stream: true }));
    if (text === undefined) throw undecodable(name, encoding, within(encoding, chunk, at));
    at.byte += chunk.length;
    at.line += text.split('\n').length - 1;
    yield Buffer.from(text);
  }
  const rest = attempt(() => decode());
  if (rest === undefined) throw undecodable(name, encoding, at);
}

/** Returns the place where decoding fails in a chunk that begins at `at`. */
function within(encoding: string, chunk: Buffer, at: { byte: number; line: number }) {
  // A chunk of two-byte units may begin in the middle of one.
  const skew = encoding.startsWith('utf-16') ? at.byte % 2 : 0;
  const bytes = chunk.subarray(skew);
  const whole = decodable(encoding, bytes);
  const text = decoderOf(encoding)(bytes.subarray(0, whole));
  return { byte: at.byte + skew + whole, line: at.line + text.split('\n').length - 1 };
}

/** Returns the number of bytes before the first one that does not decode. */
function decodable(encoding: string, bytes: Buffer): number {
  let [low, high] = [0, bytes.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (decodes(encoding, bytes.subarray(0, middle), true)) low = middle;
    else high = middle - 1;
  }
  // The last bytes found may be the beginning of the character that fails.
  while (low > 0 && !decodes(encoding, bytes.subarray(0, low), false)) low -= 1;
  return low;
}

/** @param stream true: the bytes may end within a character */
function decodes(encoding: string, bytes: Buffer, stream: boolean): boolean {
  return attempt(() => decoderOf(encoding)(bytes, { stream })) !== undefined;
}

type Decode = (bytes?: Buffer, options?: { stream: boolean }) => string;

/** Returns a strict decoder. A byte order mark is kept. */
function decoderOf(encoding: string): Decode {
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  if (encoding !== 'windows-1252') return (bytes, options) => decoder.decode(bytes, options);
  return (bytes, options) =>
    decoder.decode(bytes, options).replace(/[\u0080-\u009F]/g, (char) => {
      return windows1252[char.charCodeAt(0) - 0x80] ?? char;
    });
}

/** The characters of the bytes 80 to 9F in Windows-1252, which some versions of Node decode as Latin-1. */
const windows1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008DŽ\u008F\u0090‘’“”•–—˜™š›œ\u009DžŸ';

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Counts the line breaks in bytes. */
export function linesIn(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) count += 1;
  return count;
}

function undecodable(name: string, encoding: string, at: { byte: number; line: number }) {
  const hint = encoding === 'utf-8' ? 'set encoding, such as windows-1252' : 'set another encoding';
  return new ConfigError(
    'invalid_encoding',
    `${name}, line ${at.line + 1}, byte ${at.byte}: not valid ${encoding}; ${hint}`,
  );
}

/**
 * Returns the encoder of an encoding.
 * @throws ConfigError `invalid_encoding` for an encoding that can only be read
 */
export function encoderOf(encoding: string): Encoder {
  if (encoding === 'utf-8') return unicode((text) => Buffer.from(text));
  if (encoding === 'utf-16le') return unicode((text) => Buffer.from(text, 'utf16le'));
  if (encoding === 'utf-16be') return unicode((text) => Buffer.from(text, 'utf16le').swap16());
  if (singleByte.test(encoding)) return tableEncoder(encoding);
  throw new ConfigError(
    'invalid_encoding',
    `files in ${encoding} can be read, not written; utf-8, utf-16le, utf-16be and encodings of one byte a character can`,
  );
}

const singleByte = /^(windows-(874|125\d)|iso-8859-|koi8-|macintosh|x-mac-|ibm866)/;

/** Refuses texts with half of a surrogate pair, which is no character and would become U+FFFD. */
function unicode(encode: (text: string) => Buffer): Encoder {
  return { holds: (text) => !/\p{Surrogate}/u.test(text), encode };
}

function tableEncoder(encoding: string): Encoder {
  const decode = decoderOf(encoding);
  const bytes = new Map<string, number>();
  for (let byte = 0; byte < 256; byte += 1) {
    const char = attempt(() => decode(Buffer.of(byte)));
    if (char !== undefined) bytes.set(char, byte);
  }
  return {
    holds: (text) => Array.from(text).every((char) => bytes.has(char)),
    encode(text) {
      return Buffer.from(
        Array.from(text, (char) => bytes.get(char) ?? lacking(encoding, char.codePointAt(0) ?? 0)),
      );
    },
  };
}

function lacking(encoding: string, point: number): never {
  const code = point.toString(16).toUpperCase().padStart(4, '0');
  throw new ConfigError('invalid_encoding', `${encoding} has no character U+${code}`);
}
