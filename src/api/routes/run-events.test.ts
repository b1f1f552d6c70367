import { expect, it } from 'vitest';
import { exampleRun } from '../testing/memory-services.ts';
import { testApp } from '../testing/test-app.ts';

it('tells every change of a run, then ends', async () => {
  const { send, stored } = testApp();
  stored.runs.set('r1', exampleRun());
  const response = await send('GET', '/v1/runs/r1/events');
  expect(response.headers.get('Content-Type')).toContain('text/event-stream');
  setTimeout(() => {
    stored.runs.set('r1', exampleRun({ status: 'completed', outcome: 'ok' }));
  }, 600);
  const text = await response.text();
  const names = [...text.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name);
  expect(names).toEqual(['run', 'run', 'end']);
  expect([...text.matchAll(/"status":"(\w+)"/g)].map(([, status]) => status)).toEqual([
    'running',
    'completed',
    'completed',
  ]);
});

it('stops to ask when the client is gone', async () => {
  const { app, stored } = testApp();
  stored.runs.set('r1', exampleRun());
  const response = await app.request('/v1/runs/r1/events');
  const reader = response.body?.getReader();
  await reader?.read();
  await reader?.cancel();
  let asked = 0;
  stored.runs.get = () => {
    asked += 1;
    return exampleRun();
  };
  await new Promise((resolve) => setTimeout(resolve, 1200));
  expect(asked).toBeLessThanOrEqual(1);
});
