/** True when a stream's name is a glob: it holds `*` or `?`. */
export function isGlob(stream: string): boolean {
  return /[*?]/.test(stream);
}

/**
 * Returns a test for paths with `/` between folders. `*` and `?` stand for anything within a name, a folder `**` for
 * any folders. A leading dot is matched only by a dot, so hidden files (journals among them) are never found.
 */
export function globMatcher(glob: string): (path: string) => boolean {
  const segments = glob.split('/').map(segmentPattern);
  const pattern = segments.join('/').replaceAll(`${folders}/`, `(?:${folder}/)*`);
  const expression = new RegExp(
    `^${pattern.replaceAll(folders, `(?:${folder}/)*${folder}`)}$`,
    'u',
  );
  return (path) => expression.test(path);
}

const folder = '(?!\\.)[^/]+';
const folders = '\u0000';

function segmentPattern(segment: string): string {
  if (segment === '**') return folders;
  const escaped = segment
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '[^/]*')
    .replaceAll('?', '[^/]');
  return segment.startsWith('.') ? escaped : `(?!\\.)${escaped}`;
}
