import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What the files of each folder may import of the project, and whether they may import packages. */
const boundaries: Record<string, { readonly project: readonly string[]; readonly packages: boolean }> = {
  'shared/protocol/': { project: ['shared/protocol/'], packages: false },
  'shared/domain/': { project: ['shared/domain/', 'shared/protocol/'], packages: true },
  'shared/use-cases/': {
    project: ['shared/use-cases/', 'shared/domain/', 'shared/protocol/'],
    packages: false,
  },
  'shared/adapters/': {
    project: ['shared/adapters/', 'shared/use-cases/', 'shared/domain/', 'shared/protocol/'],
    packages: true,
  },
  'shared/runtime/': { project: ['shared/'], packages: true },
  'functions/': { project: ['shared/'], packages: true },
  'client/': { project: ['client/', 'shared/protocol/'], packages: false },
  // Makes a package of the client.
  'client/package/': { project: ['infra/command-line.ts'], packages: true },
  'cli/': { project: ['cli/', 'client/', 'shared/protocol/'], packages: false },
  'web/': {
    project: ['web/', 'client/', 'shared/protocol/', 'localstack/inspector/flow.ts'],
    packages: false,
  },
  'infra/': {
    project: [
      'infra/',
      'shared/adapters/dynamodb/tables.ts',
      'shared/adapters/sqs/delivery-queue.ts',
      'shared/domain/rate-limit-settings.ts',
    ],
    packages: true,
  },
  'localstack/': {
    project: [
      'localstack/',
      'infra/',
      'shared/adapters/dynamodb/tables.ts',
      'shared/adapters/sqs/delivery-queue.ts',
      'shared/adapters/cache/connect.ts',
      'shared/domain/rate-limit-settings.ts',
      'shared/protocol/',
    ],
    packages: true,
  },
  // A part of the tests of a deployment.
  'localstack/ministack/grants/': {
    project: ['localstack/ministack/', 'infra/', 'test/contract/support/'],
    packages: true,
  },
};

/** Of folders in one another the innermost counts. */
const boundaryOf = (file: string): string | undefined =>
  Object.keys(boundaries)
    .filter((folder) => file.startsWith(folder))
    .sort((one, other) => other.length - one.length)[0];

const specifiers = (source: string): string[] =>
  [
    ...source.matchAll(
      /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g,
    ),
  ].map((match) => match[1] ?? match[2] ?? '');

function resolve(file: string, specifier: string): string | undefined {
  if (specifier.startsWith('#')) return specifier.slice(1);
  if (specifier.startsWith('.')) return normalize(join(dirname(file), specifier));
  return undefined;
}

/** What the files of a folder import, each a file of the project (`target`) or a package (`specifier`). */
const importsOf = (folder: string) =>
  globSync(`${folder}**/*.ts`, { cwd: root })
    .filter((file) => !file.endsWith('.test.ts') && boundaryOf(file) === folder)
    .flatMap((file) =>
      specifiers(readFileSync(join(root, file), 'utf8')).map((specifier) => ({
        file,
        specifier,
        target: resolve(file, specifier),
      })),
    );

test.for(Object.entries(boundaries))('%s keeps to what it may import', ([folder, { project, packages }]) => {
  const violations = importsOf(folder).filter(({ specifier, target }) =>
    target === undefined
      ? !packages && !specifier.startsWith('node:')
      : !project.some((allowed) => target.startsWith(allowed)),
  );
  expect(violations).toStrictEqual([]);
});

test.for(Object.entries(boundaries))('%s uses all that it may import', ([folder, { project }]) => {
  const targets = importsOf(folder).flatMap(({ target }) => target ?? []);
  expect(project.filter((allowed) => !targets.some((target) => target.startsWith(allowed)))).toStrictEqual(
    [],
  );
});

test('what the product runs in the cloud knows nothing of an emulator', () => {
  const words = /localstack|dynoxide|fauxqs|ministack|127\.0\.0\.1|localhost/i;
  const files = globSync(['functions/**/*.ts', 'shared/**/*.ts'], { cwd: root });
  expect(files.filter((file) => words.test(readFileSync(join(root, file), 'utf8')))).toStrictEqual([]);
});
