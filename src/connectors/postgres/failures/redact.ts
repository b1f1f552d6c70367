/** Matches a text in quotation marks of any language that PostgreSQL speaks. */
const quoted = /["„“”«»].*["„“”«»]/s;
const listed = /\s*:\s*["„“”«»].*$/s;
const unclosed = /["„“”«»].*$/s;
const bytes = /0x[0-9a-f]{2}(\s+0x[0-9a-f]{2})*/gi;

/** States whose messages quote names of encodings, and bytes of the value. */
const ofEncodings = /^(22021|22P05)$/;
/** States whose messages quote the refused value. Types of extensions report theirs as syntax errors. */
const ofValues = /^(22|42601|XX)/;

/**
 * Returns the first line of a database message without the values that it quotes (R1). The values may themselves hold
 * quotation marks and line breaks.
 * @param state the SQLSTATE
 */
export function withoutValues(state: string, message: string): string {
  if (ofEncodings.test(state)) return firstLine(message.replace(bytes, '…'));
  if (!ofValues.test(state)) return firstLine(message);
  return firstLine(message.replace(listed, '').replace(quoted, '…').replace(unclosed, '…'));
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
