import { parseArgs } from 'node:util';
import { startJobSystem } from './job-system.ts';

/** `job-system-main.ts [--port N] [--job-ms N]`: serves until it is killed; prints one line, `{"url", "credentials"}`. */
const { values } = parseArgs({
  options: { port: { type: 'string' }, 'job-ms': { type: 'string' } },
});
const { url, token } = await startJobSystem({
  port: Number(values.port ?? 0),
  jobMs: Number(values['job-ms'] ?? 0),
});
process.stdout.write(`${JSON.stringify({ url, credentials: { token } })}\n`);
