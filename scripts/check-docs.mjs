// Fails when a document names a file or folder that does not exist, in backticks or as a link. A path may be shortened
// at its beginning: `cycle/open-cycle.ts` stands for activities/cycle/open-cycle.ts. CHANGELOG.md may name old ones.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const roots = ['src', 'activities', 'workflows', 'test', 'scripts', 'examples', 'bench', 'docs'];
const entries = roots.flatMap((root) => [
  { path: root, isFolder: true },
  ...readdirSync(root, { recursive: true, withFileTypes: true }).map((entry) => ({
    path: join(entry.parentPath, entry.name),
    isFolder: entry.isDirectory(),
  })),
]);
const known = entries.map(({ path, isFolder }) => `/${path}${isFolder ? '/' : ''}`);
const documents = [
  'README.md',
  ...entries.map(({ path }) => path).filter((path) => path.endsWith('.md')),
].filter((path) => !path.includes('node_modules'));

/** Turns `{a,b}.test.ts` into `a.test.ts` and `b.test.ts`. */
function expand(path) {
  const [, before, choices, after] = /^(.*?)\{(.*?)\}(.*)$/.exec(path) ?? [];
  return choices === undefined
    ? [path]
    : choices.split(',').map((choice) => `${before}${choice}${after}`);
}

/** Finds the paths that a document names and that lead nowhere. */
function missing(document) {
  const text = readFileSync(document, 'utf8').replaceAll(/^```[^]*?^```/gm, '');
  const spans = [...text.matchAll(/`([^`\n]+)`/g)].flatMap(([, span]) => span.split(' '));
  const isPath = /^[\w-][\w.,{}-]*\/([\w.,{}-]+\/)*([\w.,{}-]+\.(ts|mjs|md))?$/;
  const paths = spans.filter((span) => isPath.test(span)).flatMap(expand);
  const links = [...text.matchAll(/\]\(([^):#]+)(#[^)]*)?\)/g)].map(([, link]) => link);
  return [
    ...paths.filter((path) => !known.some((one) => one.endsWith(`/${path}`))),
    ...links.filter((link) => !existsSync(join(dirname(document), link))),
  ];
}

const problems = documents.flatMap((document) =>
  missing(document).map((path) => `${document}: ${path} does not exist`),
);
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
