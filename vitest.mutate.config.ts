import { configDefaults, defineConfig } from 'vitest/config';

/** The tests that Stryker runs against mutants of `shared/` and `client/`: those of one part at a time. */
export default defineConfig({
  test: {
    include: ['test/shared/**/*.test.ts', 'test/client/**/*.test.ts'],
    // A whole stack, a bundler and hundreds of random runs: too slow for a mutant, and no test of one part.
    exclude: [...configDefaults.exclude, 'test/client/{local-stack,bundle,package,simulation}.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
