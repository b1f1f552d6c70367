import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createApp, type ApiOptions } from '../app.ts';
import { memoryServices } from './memory-services.ts';

/** Returns an app over services in memory. */
export function testApp(options: Partial<ApiOptions> = {}) {
  const services = memoryServices();
  const docsDir = dirname(fileURLToPath(import.meta.resolve('swagger-ui-dist/package.json')));
  const app = createApp(services, { loopback: true, docsDir, version: '1.2.3', ...options });
  const send = (method: string, path: string, body?: unknown) =>
    app.request(path, {
      method,
      ...(body === undefined
        ? {}
        : {
            body: typeof body === 'string' ? body : JSON.stringify(body),
            headers: { 'Content-Type': 'application/json' },
          }),
    });
  return { app, send, stored: services.stored, services };
}
