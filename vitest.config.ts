import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    // What the package exports, from the sources: a connector of a test and the test itself know the same classes.
    alias: [
      { find: /^sluice$/, replacement: source('src/connectors/public.ts') },
      { find: /^sluice\/kit$/, replacement: source('src/connectors/kit/index.ts') },
      { find: /^sluice\/testing$/, replacement: source('test/connectors/public.ts') },
    ],
  },
  test: {
    include: [
      'src/**/*.test.ts',
      'activities/**/*.test.ts',
      'workflows/**/*.test.ts',
      'test/**/*.test.ts',
    ],
    exclude: ['dist/**', 'node_modules/**', 'test/soak/**'],
    globalSetup: 'test/support/global-setup.ts',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 3,
  },
});
