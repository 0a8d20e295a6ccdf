import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildResult, build, type Metafile } from 'esbuild';

const defaultSourceDir = fileURLToPath(new URL('../functions', import.meta.url));

/**
 * What CommonJS code inside an ES module bundle needs to reach Node's own modules. Its names are long so that no
 * minified name can be the same.
 */
const requireBanner =
  "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);";

export interface BundleOptions {
  /** Receives `<name>/index.mjs` and its source map. Each of those folders is made anew. */
  readonly outdir: string;
  /** Names of files in `sourceDir`, without `.ts`; every file there by default. */
  readonly functions?: readonly string[];
  /** The project's `functions/` by default. */
  readonly sourceDir?: string;
}

export interface Bundle {
  /** The bundle's absolute path. */
  readonly file: string;
  /** Its size, without the source map. */
  readonly bytes: number;
}

interface Project {
  readonly sourceDir: string;
  readonly outdir: string;
}

type Build = BuildResult<{ write: false; metafile: true }>;

/**
 * Bundles each Lambda function into one minified ES module, with a source map that names files from the project's root.
 * The bytes depend on the sources alone, neither on `outdir` nor on where the project lies: deployments compare them.
 * Throws an error that names the file if one does not compile or exports no `handler`.
 */
export async function bundleFunctions(options: BundleOptions): Promise<Record<string, Bundle>> {
  const sourceDir = resolve(options.sourceDir ?? defaultSourceDir);
  const project = { sourceDir, outdir: resolve(options.outdir) };
  const names = options.functions ?? (await functionNames(sourceDir));

  const plain = await compile(project, names);
  const needRequire = names.filter((name) => callsRequire(outputOf(plain.metafile, name)));
  const withRequire = await compile(project, needRequire, requireBanner);

  const bundles: Record<string, Bundle> = {};
  for (const name of names) {
    bundles[name] = await writeBundle(project, name, needRequire.includes(name) ? withRequire : plain);
  }
  return bundles;
}

async function functionNames(sourceDir: string): Promise<string[]> {
  const files = await readdir(sourceDir);
  return files
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => basename(file, '.ts'))
    .sort();
}

/** All functions in one build, since most of its time goes into reading what they share. */
async function compile(project: Project, names: readonly string[], banner = ''): Promise<Build> {
  const result = await build({
    entryPoints: names.map((name) => ({ in: join(project.sourceDir, `${name}.ts`), out: `${name}/index` })),
    outdir: project.outdir,
    outExtension: { '.js': '.mjs' },
    absWorkingDir: rootOf(project),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // ES modules first: the packages' CommonJS builds cannot be tree-shaken.
    mainFields: ['module', 'main'],
    minify: true,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    banner: { js: banner },
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  for (const name of names) {
    const hasHandler = outputOf(result.metafile, name).exports.includes('handler');
    if (!hasHandler)
      throw new Error(`${name}.ts exports no handler: each file of functions/ is one function.`);
  }
  return result;
}

function outputOf(metafile: Metafile, name: string): Metafile['outputs'][string] {
  const outputs = Object.values(metafile.outputs);
  const output = outputs.find(({ entryPoint }) => entryPoint && basename(entryPoint) === `${name}.ts`);
  if (output === undefined) throw new Error(`esbuild made no bundle of ${name}.ts.`);
  return output;
}

function callsRequire({ imports }: Metafile['outputs'][string]): boolean {
  return imports.some(({ kind }) => kind.startsWith('require-'));
}

async function writeBundle(project: Project, name: string, { outputFiles }: Build): Promise<Bundle> {
  const folder = join(project.outdir, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'index.mjs');
  let bytes = 0;
  for (const output of outputFiles.filter(({ path }) => dirname(path) === folder)) {
    const isSourceMap = output.path !== file;
    await writeFile(
      output.path,
      isSourceMap ? withRootedSources(output.text, project, folder) : output.contents,
    );
    if (!isSourceMap) bytes = output.contents.byteLength;
  }
  return { file, bytes };
}

/** esbuild names sources as seen from the output, which would make the bytes depend on where that is. */
function withRootedSources(sourceMap: string, project: Project, folder: string): string {
  const map: { sources: string[] } = JSON.parse(sourceMap);
  map.sources = map.sources.map((path) =>
    relative(rootOf(project), resolve(folder, path)).replaceAll('\\', '/'),
  );
  return JSON.stringify(map);
}

/** `functions/` lies directly in the project's root. */
function rootOf({ sourceDir }: Project): string {
  return dirname(sourceDir);
}
