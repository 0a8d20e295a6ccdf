import type { Plugin } from 'vite';
import { configDefaults, defineConfig } from 'vitest/config';

/**
 * Stryker names a test by its groups and itself with blanks between, Vitest 5 with ` > `. Without this no test of a group
 * is run against a mutant, and the mutant passes for one that survived.
 */
const namesOfGroups: Plugin = {
  name: 'names of groups',
  configureVitest({ project }) {
    let pattern: RegExp | undefined;
    Object.defineProperty(project.config, 'testNamePattern', {
      enumerable: true,
      configurable: true,
      get: () => pattern,
      set(names: RegExp | undefined) {
        pattern = names && new RegExp(names.source.replaceAll(' ', '(?: > | )'));
      },
    });
  },
};

/** The tests that Stryker runs against mutants of `shared/` and `client/`: those of one part at a time. */
export default defineConfig({
  plugins: [namesOfGroups],
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
