import { defineConfig } from 'vitest/config';

/** Long sweeps, one after the other; see test/support/soak.ts for what sets their seed and their length. */
export default defineConfig({
  test: {
    include: ['test/soak/**/*.test.ts'],
    exclude: ['dist/**', 'node_modules/**'],
    globalSetup: 'test/support/global-setup.ts',
    testTimeout: 3_600_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
  },
});
