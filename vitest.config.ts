import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Those have commands of their own: npm run test:deploy, npm run test:long.
    exclude: [...configDefaults.exclude, 'test/deploy/**', 'test/**/*.long.test.ts'],
    globalSetup: ['test/contract/support/shared-stack.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // A line for each file is progress enough.
    slowTestThreshold: 30_000,
  },
});
