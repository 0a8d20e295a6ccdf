import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface LockedPackage {
  readonly integrity?: string;
  readonly license?: string;
  /** Whether it is part of no bundle of ours. */
  readonly dev?: boolean;
  /** Whether another package ships it inside itself. */
  readonly inBundle?: boolean;
  readonly hasInstallScript?: boolean;
}

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const lockText = read('package-lock.json');
const { packages } = JSON.parse(lockText) as { packages: Record<string, LockedPackage> };
const installed = Object.entries(packages).filter(([path]) => path.startsWith('node_modules/'));

/** They ask for a notice at most. */
const permissive = new Set([
  'MIT',
  'MIT-0',
  'ISC',
  '0BSD',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  'BlueOak-1.0.0',
]);
/** Tools that look at the code or the page, and are no part of either: MPL-2.0 asks only for changes to themselves. */
const toolsUnderMpl = /\/(axe-core|lightningcss(-[a-z0-9-]+)?)$/;
/** Data that Stryker's parser reads, and that is in nothing of ours: CC-BY-4.0 asks whoever passes it on to name its source. */
const dataOfTools = /\/caniuse-lite$/;

function isPermissive(license: string): boolean {
  const alternatives = license.replace(/^\((.*)\)$/, '$1').split(' OR ');
  return alternatives.some((one) => one.split(' AND ').every((each) => permissive.has(each)));
}

/** What the package that is installed says, or the lock file where this machine has no need of it. */
function licenseOf(path: string, { license = '' }: LockedPackage): string {
  try {
    return String((JSON.parse(read(`${path}/package.json`)) as { license?: unknown }).license ?? license);
  } catch {
    return license;
  }
}

test('every package is under a permissive licence; tools that are no part of anything may be under MPL-2.0', () => {
  const others = installed.filter(([path, locked]) => {
    const license = licenseOf(path, locked);
    const isTool =
      locked.dev === true &&
      ((license === 'MPL-2.0' && toolsUnderMpl.test(path)) ||
        (license === 'CC-BY-4.0' && dataOfTools.test(path)));
    return !isPermissive(license) && !isTool;
  });

  expect(others.map(([path, locked]) => `${path}: ${licenseOf(path, locked)}`)).toEqual([]);
  expect(installed.length).toBeGreaterThan(100);
  expect(isPermissive('GPL-3.0-or-later')).toBe(false);
  expect(isPermissive('(MIT AND GPL-3.0-or-later)')).toBe(false);
});

/** The local stack's database, for platforms on which nobody has installed it yet: npm learns their hashes there. */
const unseen = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'win32-x64'].map(
  (platform) => `node_modules/@dynoxide/${platform}`,
);

test('the lock file names no registry and no machine, and holds each package but four to its content', () => {
  const hosts = [...lockText.matchAll(/https?:\/\/([^/"]+)/g)].map(([, host]) => host);
  // Where the authors take donations.
  expect([...new Set(hosts)].sort()).toEqual(['github.com', 'opencollective.com', 'tidelift.com']);
  expect(lockText).not.toContain('"resolved"');
  const unheld = installed.filter(
    ([, { integrity = '', inBundle }]) => !inBundle && !/^sha512-/.test(integrity),
  );
  expect(unheld.map(([path]) => path)).toEqual(unseen);
});

test('only those packages run a script when they are installed that package.json allows to', () => {
  const { allowScripts } = JSON.parse(read('package.json')) as { allowScripts: Record<string, boolean> };
  const scripted = installed.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
  expect(scripted.map((path) => path.replace('node_modules/', '')).sort()).toEqual(
    Object.keys(allowScripts).sort(),
  );
});
