import { afterAll, beforeAll, expect, test } from 'vitest';
import { scriptedEnvironment, type ScriptedEnvironment } from './testing/environment.ts';
import { scriptedPipeline, type PipelineScript, type PipelineTrace } from './testing/scripted.ts';

let environment: ScriptedEnvironment;

beforeAll(async () => {
  environment = await scriptedEnvironment();
});
afterAll(() => environment.stop());

async function play(script: PipelineScript): Promise<PipelineTrace> {
  return (await environment.start(scriptedPipeline, script)).result();
}

const pages = (count: number): number[] => Array.from({ length: count }, () => 1);

test('steps of successive chunks overlap', async () => {
  const trace = await play({
    exportsAtOnce: 1,
    pages: pages(2),
    matches: { waiting: [] },
    turns: ['import 0', 'import 1 & match 0', 'match 1', 'export 0', 'export 1'],
  });
  expect(trace).toEqual({
    turns: [
      ['import 0'],
      ['match 0', 'import 1'],
      ['match 1', 'export 0'],
      [],
      ['exported 0', 'export 1'],
      ['exported 1'],
    ],
    end: { done: true, nextChunk: 2, lost: false },
  });
});

test.each([
  { exportsAtOnce: 1, open: 3 },
  { exportsAtOnce: 2, open: 4 },
])(
  'at most $open chunks are open, $exportsAtOnce of them exporting',
  async ({ exportsAtOnce, open }) => {
    const imports = Array.from({ length: open }, (_, chunk) => `import ${chunk}`);
    const { turns } = await play({
      exportsAtOnce,
      pages: pages(10),
      turns: [...imports, 'nothing', 'export 0'],
    });
    const before = turns.slice(0, -1).flat();
    expect(before.filter((step) => step.startsWith('import'))).toEqual(imports);
    expect(before.filter((step) => step.startsWith('export'))).toHaveLength(exportsAtOnce);
    expect(turns.at(-1)).toEqual(
      expect.arrayContaining(['exported 0', `export ${exportsAtOnce}`, `import ${open}`]),
    );
  },
);

test('matches and the starts of exports keep the source’s order', async () => {
  const { turns } = await play({
    exportsAtOnce: 2,
    pages: [3],
    matches: { waiting: [] },
    turns: ['import 0', 'match 0', 'match 1', 'match 2', 'export 1', 'export 0'],
  });
  expect(turns).toEqual([
    ['import 0'],
    ['match 0'],
    ['match 1', 'export 0'],
    ['match 2', 'export 1'],
    [],
    // Exports overlap, so they may end in another order.
    ['exported 1', 'export 2'],
    ['exported 0'],
  ]);
});

test('a chunk with keys of earlier ones is exported after them, and holds up those behind it', async () => {
  const { turns, end } = await play({
    exportsAtOnce: 2,
    pages: [3],
    matches: { waiting: [1] },
    turns: ['import 0', 'match 0', 'match 1', 'match 2', 'export 0', 'export 1', 'export 2'],
  });
  expect(turns.slice(3)).toEqual([
    ['match 2'],
    [],
    ['exported 0', 'export 1', 'export 2'],
    ['exported 1'],
    ['exported 2'],
  ]);
  expect(end).toEqual({ done: true, nextChunk: 3, lost: false });
});

test('a long job keeps its place while it is asked again and again', async () => {
  const { turns, end } = await play({
    exportsAtOnce: 1,
    pages: [2],
    turns: [
      'import 0',
      'export 0 waits',
      'later',
      'export 0 waits',
      'later',
      'export 0',
      'export 1',
    ],
  });
  expect(turns.slice(1)).toEqual([
    ['export 0'],
    [],
    ['export 0'],
    [],
    ['export 0'],
    ['exported 0', 'export 1'],
    ['exported 1'],
  ]);
  expect(end).toEqual({ done: true, nextChunk: 2, lost: false });
});

test('the failure of a step cancels the others, and is what the run fails with', async () => {
  const trace = await play({
    exportsAtOnce: 2,
    pages: pages(10),
    matches: { waiting: [] },
    turns: ['import 0', 'match 0', 'import 1', 'export 0 fails'],
  });
  expect(trace.turns.at(-1)?.toSorted()).toEqual(['import 2 cancelled', 'match 1 cancelled']);
  expect(trace.end).toEqual({ failure: 'ApplicationFailure: export 0 failed' });
});

test('the failure of a match is met in its turn: what comes before it is still exported', async () => {
  const trace = await play({
    exportsAtOnce: 1,
    pages: [2],
    matches: { waiting: [] },
    turns: ['import 0', 'match 0', 'match 1 fails', 'nothing'],
  });
  expect(trace.turns.slice(2)).toEqual([['match 1', 'export 0'], ['export 0 cancelled'], []]);
  expect(trace.end).toEqual({ failure: 'ApplicationFailure: match 1 failed' });
});

test('a pause stops what is under way, a resume starts it again', async () => {
  const { turns, end } = await play({
    exportsAtOnce: 1,
    pages: pages(2),
    turns: ['import 0', 'pause', 'nothing', 'resume', 'import 1', 'export 0', 'export 1'],
  });
  expect(turns.map((turn) => turn.toSorted())).toEqual([
    ['import 0'],
    ['export 0', 'import 1'],
    ['export 0 cancelled', 'import 1 cancelled'],
    [],
    ['export 0', 'import 1'],
    [],
    ['export 1', 'exported 0'],
    ['exported 1'],
  ]);
  expect(end).toEqual({ done: true, nextChunk: 2, lost: false });
});

test('a cancel stops what is under way, and starts nothing', async () => {
  const { turns, end } = await play({
    exportsAtOnce: 1,
    pages: pages(5),
    turns: ['import 0', 'import 1', 'cancel', 'nothing'],
  });
  expect(turns.slice(-2).map((turn) => turn.toSorted())).toEqual([
    ['export 0 cancelled', 'import 2 cancelled'],
    [],
  ]);
  expect(end).toMatchObject({ failure: expect.stringContaining('CancelledFailure') });
});

test('where it is told to stop, what is imported is exported, and the next chunk is known', async () => {
  const { turns, end } = await play({
    exportsAtOnce: 1,
    pages: pages(5),
    stopAfter: 2,
    turns: ['import 0', 'import 1', 'export 0', 'export 1'],
  });
  expect(turns.flat().filter((step) => step.startsWith('import'))).toEqual([
    'import 0',
    'import 1',
  ]);
  expect(end).toEqual({ done: false, nextChunk: 2, lost: false });
});

test('a chunk whose staged rows are lost is the next to be imported', async () => {
  const { end } = await play({
    exportsAtOnce: 1,
    pages: pages(5),
    turns: ['import 0', 'import 1', 'export 0', 'export 1 is lost'],
  });
  expect(end).toEqual({ done: false, nextChunk: 1, lost: true });
});
