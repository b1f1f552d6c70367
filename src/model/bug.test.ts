import { expect, test } from 'vitest';
import { bugOf } from './bug.ts';

test('a bug tells its name, its code and where, and nothing of what it was about (R1)', () => {
  const thrown = thrownBy(() => JSON.parse('canary'));
  const bug = bugOf(thrown);
  expect(bug).toMatchObject({ name: 'SyntaxError', at: expect.stringContaining('bug.test.ts:') });
  expect(bug.frames).toMatch(/^ {4}at .*bug\.test\.ts:\d+:\d+/m);
  expect(JSON.stringify(bug)).not.toContain('canary');
});

test('an address with a password, a cause, a message that looks like a stack: all stay out', () => {
  const address = thrownBy(() => new URL('postgres://u:canary@ho st'));
  expect(bugOf(address)).toMatchObject({ name: 'TypeError ERR_INVALID_URL' });
  const nested = new Error('a\n    at canary (/canary.js:1:1)', { cause: new Error('canary') });
  nested.name = 'canary canary';
  for (const error of [address, nested, 'canary', { canary: 1 }])
    expect(JSON.stringify(bugOf(error))).not.toContain('canary');
});

function thrownBy(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
