import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Boundary {
  /** Which files it is about. */
  readonly isAbout: (file: string) => boolean;
  /** What these may import of the project: the beginnings of paths, or a question. */
  readonly may: readonly (string | ((target: string) => boolean))[];
  readonly packages: boolean;
}

/** A file whose name says by a suffix which service or package it is bound to, such as `mailboxes.dynamodb.ts`. */
const isBound = (file: string) => /^shared\/[\w-]+\/[\w-]+\.\w+\.ts$/.test(file);
const isAws = (file: string) => file.startsWith('shared/aws/');
const isProtocol = (file: string) => file.startsWith('shared/protocol/');
/** Where the clients and the composition of a Lambda are put together. */
const isWiring = (file: string) =>
  ['shared/composition.ts', 'shared/runtime/lambda.ts', 'shared/runtime/system.ts'].includes(file);
const isRule = (file: string) =>
  file.startsWith('shared/') && !isBound(file) && !isAws(file) && !isProtocol(file) && !isWiring(file);

/** The first that is about a file counts. */
const boundaries: Readonly<Record<string, Boundary>> = {
  'the protocol': { isAbout: isProtocol, may: ['shared/protocol/'], packages: false },
  'the rules in shared/': {
    isAbout: isRule,
    may: [isRule, 'shared/protocol/', 'shared/aws/tables.ts'],
    packages: false,
  },
  'what is bound to a service': {
    isAbout: (file) => isBound(file) || isAws(file),
    may: [isBound, isAws, isRule, 'shared/protocol/'],
    packages: true,
  },
  'the wiring': { isAbout: isWiring, may: ['shared/'], packages: false },
  'functions/': { isAbout: (file) => file.startsWith('functions/'), may: ['shared/'], packages: false },
  'client/package/': {
    isAbout: (file) => file.startsWith('client/package/'),
    may: ['infra/command-line.ts'],
    packages: true,
  },
  'client/': {
    isAbout: (file) => file.startsWith('client/'),
    may: ['client/', 'shared/protocol/', 'shared/actions.ts'],
    packages: false,
  },
  'cli/': {
    isAbout: (file) => file.startsWith('cli/'),
    may: ['cli/', 'client/', 'shared/protocol/', 'infra/command-line.ts'],
    packages: false,
  },
  'web/': {
    isAbout: (file) => file.startsWith('web/'),
    may: ['web/', 'client/', 'shared/protocol/', 'localstack/inspector/flow.ts'],
    packages: false,
  },
  'infra/': {
    isAbout: (file) => file.startsWith('infra/'),
    may: [
      ...['infra/', 'shared/actions.ts', 'shared/aws/tables.ts', 'shared/delivery/delivery-queue.ts'],
      'shared/limits/rate-limit-settings.ts',
      'shared/limits/trusted-networks.ts',
    ],
    packages: true,
  },
  'localstack/': {
    isAbout: (file) => file.startsWith('localstack/'),
    may: [
      ...['localstack/', 'infra/', 'shared/aws/tables.ts', 'shared/delivery/delivery-queue.ts'],
      ...[
        'shared/cache/valkey-connection.iovalkey.ts',
        'shared/limits/rate-limit-settings.ts',
        'shared/limits/trusted-networks.ts',
      ],
      'shared/protocol/',
    ],
    packages: true,
  },
};

const files = globSync('{shared,functions,client,cli,web,infra,localstack}/**/*.ts', { cwd: root }).filter(
  (file) => !file.endsWith('.test.ts'),
);
const boundaryOf = (file: string) => Object.keys(boundaries).find((name) => boundaries[name]?.isAbout(file));

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

/** All imports of the files of a boundary, each a file of the project (`target`) or a package (`specifier`). */
const importsOf = (name: string) =>
  files
    .filter((file) => boundaryOf(file) === name)
    .flatMap((file) =>
      specifiers(readFileSync(join(root, file), 'utf8')).map((specifier) => ({
        file,
        specifier,
        target: resolve(file, specifier),
      })),
    );

const isAllowed = (place: Boundary['may'][number], target: string) =>
  typeof place === 'string' ? target.startsWith(place) : place(target);

test.for(Object.entries(boundaries))('%s: only what it may import', ([name, { may, packages }]) => {
  const violations = importsOf(name).filter(({ specifier, target }) =>
    target === undefined
      ? !packages && !specifier.startsWith('node:')
      : !may.some((place) => isAllowed(place, target)),
  );
  expect(violations).toStrictEqual([]);
});

test.for(Object.entries(boundaries))('%s: all that it may import', ([name, { may }]) => {
  const targets = importsOf(name).flatMap(({ target }) => target ?? []);
  expect(may.filter((place) => !targets.some((target) => isAllowed(place, target)))).toStrictEqual([]);
});

test('what the product runs in the cloud knows nothing of an emulator', () => {
  const words = /localstack|dynoxide|fauxqs|ministack|127\.0\.0\.1|localhost/i;
  const product = files.filter((file) => /^(functions|shared)\//.test(file));
  expect(product.filter((file) => words.test(readFileSync(join(root, file), 'utf8')))).toStrictEqual([]);
});
