/** A file, and how its text is stored in it. */
export interface Stored {
  /** The file's name, for error messages. */
  readonly name: string;
  readonly path: string;
  /** The name that the Encoding Standard gives the encoding, such as `utf-8` or `windows-1252`. */
  readonly encoding: string;
  /** Packed by gzip. */
  readonly compressed: boolean;
}

/** Whether the file's bytes are the text in UTF-8, so that reading can begin anywhere. */
export function isPlain({ encoding, compressed }: Stored): boolean {
  return encoding === 'utf-8' && !compressed;
}
