import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The contract suite and the tests of the deployment itself, against what `test-deploy.ts` has deployed. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  resolve: { alias: { ws: fileURLToPath(new URL('./websocket-with-header.ts', import.meta.url)) } },
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
          // One process serves every service and every connection; two keep it busy while one of them waits.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'deployment',
          include: ['test/deploy/*.test.ts'],
          // They alter what the others rely on.
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
