/** The parts of an unforeseen error that are safe to show (R1). */
export interface Bug {
  /** The error's name and code, such as `TypeError ERR_INVALID_ARG_TYPE`. */
  readonly name: string;
  /** The place in Sluice that threw it, such as `match-chunk.js:34`; empty when unknown. */
  readonly at: string;
  /** Positions in the code, one a line, as in a stack. */
  readonly frames: string;
}

const frame = /^ {4}at .*(?::\d+:\d+|native|<anonymous>)\)?$/;
/** Matches a position in Sluice's own files: not in a package, nor in Node.js. */
const place = /^(?!.*(?:node:|node_modules)).*?([^/\\(\s]+:\d+):\d+\)?$/;
const mostFrames = 20;

/**
 * Reduces an error to its name, code and positions in the code, which are enough to find the bug. Message, cause and
 * properties are dropped, because they may hold record content or secrets (R1): JSON.parse quotes the text, a database
 * the values, a URL parser the password.
 */
export function bugOf(error: unknown): Bug {
  if (!(error instanceof Error)) return { name: typeof error, at: '', frames: '' };
  const { code } = error as { code?: unknown };
  const frames = framesOf(error);
  return {
    name: [identifier(error.name) ?? 'Error', identifier(code)].filter(Boolean).join(' '),
    at: frames.map((line) => place.exec(line)?.[1]).find(Boolean) ?? '',
    frames: frames.join('\n'),
  };
}

/** Returns the positions of a stack. The stack begins with the message, whose own lines may look like positions. */
function framesOf({ stack = '', message }: Error): string[] {
  const end = stack.indexOf(message);
  const lines = stack.slice(end < 0 ? 0 : end + message.length).split('\n');
  return lines.filter((line) => frame.test(line)).slice(0, mostFrames);
}

function identifier(value: unknown): string | undefined {
  return typeof value === 'string' && /^\w{1,60}$/.test(value) ? value : undefined;
}
