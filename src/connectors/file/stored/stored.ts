/** A file, and the form in which its text is stored. */
export interface Stored {
  /** The file's name, for error messages. */
  readonly name: string;
  readonly path: string;
  /** The name that the Encoding Standard gives the encoding, such as `utf-8` or `windows-1252`. */
  readonly encoding: string;
  /** True when it is compressed by gzip. */
  readonly compressed: boolean;
}

/** True when the file's bytes are the text in UTF-8, so that reading can begin anywhere. */
export function isPlain({ encoding, compressed }: Stored): boolean {
  return encoding === 'utf-8' && !compressed;
}
