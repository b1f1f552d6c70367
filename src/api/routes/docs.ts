import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Hono } from 'hono';
import { notFound } from '../http/problem.ts';

const assets: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Sluice API</title>
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="reference"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

const start = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#reference', deepLinking: true });
`;

const contentSecurityPolicy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/**
 * Routes of `/docs`, the reference page. It needs no network.
 * @param docsDir the folder of the npm package `swagger-ui-dist`
 */
export function docsRoutes(docsDir: string): Hono {
  const router = new Hono();
  router.get('/docs', (c) => {
    c.header('Content-Security-Policy', contentSecurityPolicy);
    return c.html(page);
  });
  router.get('/docs/start.js', (c) => {
    c.header('Content-Type', 'text/javascript; charset=utf-8');
    return c.body(start);
  });
  router.get('/docs/:asset', async (c) => {
    const name = c.req.param('asset');
    // Only these names, so that no other file of the folder can be requested.
    const type = Object.hasOwn(assets, name) ? assets[name] : undefined;
    if (type === undefined) throw notFound('page', c.req.path);
    c.header('Content-Type', type);
    c.header('Cache-Control', 'public, max-age=3600');
    return c.body(new Uint8Array(await readFile(join(docsDir, name))));
  });
  router.get('/', (c) => c.redirect('/docs'));
  return router;
}
