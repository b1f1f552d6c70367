import iconv from 'iconv-lite';

/**
 * Encodings in which only ASCII characters have ASCII bytes, so that lines and values can be split before
 * decoding.
 */
export const legacyEncodings = [
  'latin1',
  'iso-8859-2',
  'iso-8859-3',
  'iso-8859-4',
  'iso-8859-5',
  'iso-8859-6',
  'iso-8859-7',
  'iso-8859-8',
  'iso-8859-9',
  'iso-8859-10',
  'iso-8859-13',
  'iso-8859-14',
  'iso-8859-15',
  'iso-8859-16',
  'windows-874',
  'windows-1250',
  'windows-1251',
  'windows-1252',
  'windows-1253',
  'windows-1254',
  'windows-1255',
  'windows-1256',
  'windows-1257',
  'windows-1258',
  'cp866',
  'koi8-r',
  'koi8-u',
  'euc-jp',
  'euc-kr',
] as const;

/** An encoding of texts that the database does not know of. */
export type LegacyEncoding = (typeof legacyEncodings)[number];

/** The character that replaces bytes which are no character. */
const unknown = '\u{fffd}';

/**
 * Returns a decoder to UTF-8 for a stream of bytes, which may be cut anywhere. It returns null for bytes that are not
 * in the encoding.
 */
export function utf8From(encoding: LegacyEncoding): (bytes: Buffer) => Buffer | null {
  const decoder = iconv.getDecoder(encoding);
  return (bytes) => {
    const text = decoder.write(bytes);
    return text.includes(unknown) ? null : Buffer.from(text);
  };
}

/** Returns a text in the encoding; null when the encoding lacks one of its characters. */
export function legacyBytes(text: string, encoding: LegacyEncoding): Buffer | null {
  const bytes = iconv.encode(text, encoding);
  return iconv.decode(bytes, encoding) === text ? bytes : null;
}
