import { defineConfig } from 'vitest/config';

/** What takes minutes, or keeps every core busy: `npm run test:long`, which `.ci/run` calls. */
export default defineConfig({
  test: {
    include: ['test/**/*.long.test.ts'],
    testTimeout: 400_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
  },
});
