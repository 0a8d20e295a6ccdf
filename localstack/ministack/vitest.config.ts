import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The contract suite and the tests of the deployment itself, against what `test-deploy.ts` has deployed. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  resolve: { alias: { ws: fileURLToPath(new URL('./websocket-with-header.ts', import.meta.url)) } },
  test: {
    include: ['localstack/ministack/*.test.ts', 'test/contract/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // One process serves every service and every connection.
    maxWorkers: 1,
  },
});
