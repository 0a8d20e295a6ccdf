/** `npm run client:pack`: makes a package of the SDK, for projects outside of this one. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { optionsOrExit, readArguments } from '#infra/command-line.ts';

const usage = `npm run client:pack -- [options]

Makes the SDK a package that other projects install: one ES module, its types, no dependency.

  --out FOLDER   where the package goes, a .tgz file (.postrider)
  --help`;

const root = fileURLToPath(new URL('../..', import.meta.url));
const built = join(root, '.postrider');
const { out } = optionsOrExit(
  (args) => readArguments(args, { out: { type: 'string', default: built } }),
  usage,
);
const folder = join(built, 'postrider-client');

rmSync(folder, { recursive: true, force: true });
for (const place of [folder, out]) mkdirSync(place, { recursive: true });
await bundle();
declareTypes();
writeManifest();
cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
process.stdout.write(`Install it with: npm install ${relative('', pack())}\n`);

async function bundle(): Promise<void> {
  await build({
    entryPoints: [join(root, 'client/index.ts')],
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2020',
    sourcemap: true,
    outfile: join(folder, 'index.js'),
  });
}

/** As TypeScript makes them, except that they name each other as whoever has no sources can find them. */
function declareTypes(): void {
  const types = join(folder, 'types');
  const settings = ['--project', join(root, 'client/package'), '--outDir', types];
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...settings], {
    stdio: 'inherit',
  });
  for (const name of readdirSync(types, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.d.ts')) continue;
    const file = join(types, name);
    const toShared = `${relative(dirname(file), join(types, 'shared')).replaceAll('\\', '/')}/`;
    const text = readFileSync(file, 'utf8')
      .replaceAll("'#shared/", `'${toShared}`)
      .replaceAll(".ts'", ".js'");
    writeFileSync(file, text);
  }
}

function writeManifest(): void {
  const { version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const manifest = {
    name: 'postrider-client',
    version,
    description: 'The client of Postrider: each message once and in order, over any number of connections.',
    license,
    type: 'module',
    sideEffects: false,
    engines: { node: '>=18' },
    exports: { '.': { types: './types/client/index.d.ts', default: './index.js' } },
  };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** The path of the package. */
function pack(): string {
  const name = execFileSync('npm', ['pack', '--silent', '--pack-destination', resolve(out)], {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  return join(resolve(out), name.trim());
}
