/** What may be told of an error that nobody foresaw. */
export interface Bug {
  /** Its name and code, such as `TypeError ERR_INVALID_ARG_TYPE`. */
  readonly name: string;
  /** Where in Sluice it was thrown, such as `match-chunk.js:34`; empty when unknown. */
  readonly at: string;
  /** Positions in the code, one a line, as in a stack. */
  readonly frames: string;
}

const frame = /^ {4}at .*(?::\d+:\d+|native|<anonymous>)\)?$/;
/** A position in a file, but not in a package or in the platform. */
const place = /^(?!.*(?:node:|node_modules)).*?([^/\\(\s]+:\d+):\d+\)?$/;
const mostFrames = 20;

/**
 * An error without its message, cause and properties: JSON.parse quotes the text, a database the values, a URL parser
 * the password (R1). Name, code and positions in the code are enough to find the bug.
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

/** A stack begins with the message, whose lines may look like positions themselves. */
function framesOf({ stack = '', message }: Error): string[] {
  const end = stack.indexOf(message);
  const lines = stack.slice(end < 0 ? 0 : end + message.length).split('\n');
  return lines.filter((line) => frame.test(line)).slice(0, mostFrames);
}

function identifier(value: unknown): string | undefined {
  return typeof value === 'string' && /^\w{1,60}$/.test(value) ? value : undefined;
}
