import { configDefaults, defineConfig } from 'vitest/config';

/** The tests that Stryker runs against mutants of `shared/` and `client/`: those of one part at a time. */
export default defineConfig({
  test: {
    include: ['test/shared/**/*.test.ts', 'test/client/**/*.test.ts'],
    exclude: [
      ...configDefaults.exclude,
      // A whole stack, a bundler and hundreds of random runs: too slow for a mutant, and no test of one part.
      'test/client/{local-stack,bundle,package,simulation}.test.ts',
      // What is bound to a service is not mutated.
      'test/shared/aws/clients.test.ts',
      'test/shared/cache/connect.test.ts',
      'test/shared/**/*.*.test.ts',
    ],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
