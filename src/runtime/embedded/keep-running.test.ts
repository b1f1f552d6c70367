import { expect, test, vi } from 'vitest';
import { keepRunning } from './keep-running.ts';
import { send } from './process.ts';
import { startServer, type ServerProcess } from './server-process.ts';

const idle = 'setInterval(() => {}, 1000)';
const options = { name: 'The server', firstDelayMs: 5 };

function node(script: string): Promise<ServerProcess> {
  return startServer({
    command: process.execPath,
    args: ['-e', script],
    stopSteps: [['SIGKILL', 2000]],
    log: () => undefined,
  });
}

test('a server that is killed is started again; one that is stopped is not', async () => {
  const started: ServerProcess[] = [];
  const lines: string[] = [];
  const kept = await keepRunning({
    ...options,
    start: async () => {
      const server = await node(idle);
      started.push(server);
      return server;
    },
    log: (line) => lines.push(line),
  });
  send(kept.first.pid, 'SIGKILL');
  await vi.waitFor(() => expect(lines.at(-1)).toBe('The server runs again'), 5000);
  expect(lines[0]).toBe('The server ended by SIGKILL; it starts again in 0.005 s');
  await kept.stop();
  expect(started).toHaveLength(2);
  await expect(started[1]?.exited).resolves.toMatchObject({ stopping: true });
});

test('a server that keeps ending is given up, with what it did', async () => {
  let starts = 0;
  const kept = await keepRunning({
    ...options,
    start: () => {
      starts += 1;
      return node('process.exit(3)');
    },
    log: () => undefined,
  });
  await expect(kept.givenUp).rejects.toThrow(/ended with code 3\. That is 5 times.*giving up/);
  expect(starts).toBe(5);
  await kept.stop();
});

test('a start that fails counts as an end', async () => {
  let starts = 0;
  const kept = await keepRunning({
    ...options,
    start: (before?: ServerProcess) => {
      starts += 1;
      return before ? Promise.reject(new Error('port taken')) : node('process.exit(0)');
    },
    log: () => undefined,
  });
  await expect(kept.givenUp).rejects.toThrow('could not be started again: port taken');
  expect(starts).toBe(5);
  await kept.stop();
});
