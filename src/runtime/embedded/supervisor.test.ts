import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { isAlive } from './process.ts';
import { superviseWorker } from './supervisor.ts';

const module = (name: string) => JSON.stringify(join(import.meta.dirname, name));
const quiet = () => undefined;
const idle = 'setInterval(() => {}, 1000)';

test('a killed worker is replaced; stop leaves none, not even one that ignores SIGTERM', async () => {
  const stubborn = `process.on('SIGTERM', () => {}); ${idle}`;
  const workers = superviseWorker({
    command: process.execPath,
    args: ['-e', stubborn, 'worker'],
    count: 2,
    drainMs: 300,
    log: quiet,
  });
  await vi.waitFor(() => expect(workers.pids()).toHaveLength(2), 5000);
  const [victim, other] = workers.pids();
  process.kill(victim ?? 0, 'SIGKILL');
  await vi.waitFor(() => {
    expect(workers.pids()).toHaveLength(2);
    expect(workers.pids()).not.toContain(victim);
  }, 5000);
  expect(workers.pids()).toContain(other);
  const left = workers.pids();
  await workers.stop();
  expect(left.filter(isAlive)).toEqual([]);
  expect(workers.pids()).toEqual([]);
}, 20_000);

test.each([
  { ends: 'told to leave', code: 0, delays: [0.2, 0.2] },
  { ends: 'failing', code: 1, delays: [0.2, 0.4] },
])(
  '$ends again and again: replaced after $delays s',
  async ({ code, delays }) => {
    const lines: string[] = [];
    const workers = superviseWorker({
      command: process.execPath,
      args: ['-e', `process.exit(${code})`, 'worker'],
      count: 1,
      log: (line) => lines.push(line),
    });
    await vi.waitFor(() => expect(lines.length).toBeGreaterThanOrEqual(2), 10_000);
    await workers.stop();
    const told = lines.slice(0, 2).map((line) => Number(/starts in ([\d.]+) s/.exec(line)?.[1]));
    expect(told).toEqual(delays);
  },
  20_000,
);

test('a worker ends when its supervisor is killed', async () => {
  const worker = `import(${module('exit-with-parent.ts')}).then((m) => { m.exitWithParent(); console.log('ready'); ${idle}; })`;
  const script = `import(${module('supervisor.ts')}).then((m) => {
    const args = ['--import', 'tsx', '-e', ${JSON.stringify(worker)}, 'worker'];
    const workers = m.superviseWorker({ command: process.execPath, args, count: 1, log: () => console.log(workers.pids()[0]) });
  })`;
  const parent = spawn(process.execPath, ['--import', 'tsx', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(line.toString());
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 5000);
}, 20_000);
