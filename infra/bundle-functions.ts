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
  /** Names of files in `sourceDir`, without `.ts`; every file there unless told. */
  readonly functions?: readonly string[];
  /** The project's `functions/` unless told. */
  readonly sourceDir?: string;
}

export interface Bundle {
  /** The bundle's absolute path. */
  readonly file: string;
  /** Its size, without the source map. */
  readonly bytes: number;
}

type Build = BuildResult<{ write: false; metafile: true }>;

/**
 * Bundles each Lambda function into one minified ES module, with a source map that names files from the project's root.
 * The bytes depend on the sources alone, neither on `outdir` nor on where the project lies: deployments compare them.
 * Throws an error that names the file if one does not compile or exports no `handler`.
 */
export async function bundleFunctions(options: BundleOptions): Promise<Record<string, Bundle>> {
  const sourceDir = resolve(options.sourceDir ?? defaultSourceDir);
  const outdir = resolve(options.outdir);
  const names = options.functions ?? (await functionNames(sourceDir));
  const entries = names.map(async (name): Promise<[string, Bundle]> => {
    return [name, await bundleFunction(join(sourceDir, `${name}.ts`), join(outdir, name))];
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function functionNames(sourceDir: string): Promise<string[]> {
  const files = await readdir(sourceDir);
  return files
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => basename(file, '.ts'))
    .sort();
}

async function bundleFunction(source: string, folder: string): Promise<Bundle> {
  const file = join(folder, 'index.mjs');
  const plain = await compile(source, file);
  const needsRequire = outputOf(plain.metafile).imports.some(({ kind }) => kind.startsWith('require-'));
  const { outputFiles } = needsRequire ? await compile(source, file, requireBanner) : plain;

  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  let bytes = 0;
  for (const output of outputFiles) {
    const isSourceMap = output.path.endsWith('.map');
    await writeFile(
      output.path,
      isSourceMap ? withRootedSources(output.text, source, folder) : output.contents,
    );
    if (!isSourceMap) bytes = output.contents.byteLength;
  }
  return { file, bytes };
}

async function compile(source: string, outfile: string, banner = ''): Promise<Build> {
  const result = await build({
    entryPoints: [source],
    outfile,
    absWorkingDir: rootOf(source),
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
  const { exports } = outputOf(result.metafile);
  if (!exports.includes('handler'))
    throw new Error(`${source} exports no handler: each file there is one function.`);
  return result;
}

function outputOf(metafile: Metafile): Metafile['outputs'][string] {
  const output = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint !== undefined);
  if (output === undefined) throw new Error('esbuild produced no output for its entry point.');
  return output;
}

/** esbuild names sources as seen from the output, which would make the bytes depend on where that is. */
function withRootedSources(sourceMap: string, source: string, folder: string): string {
  const map: { sources: string[] } = JSON.parse(sourceMap);
  map.sources = map.sources.map((path) =>
    relative(rootOf(source), resolve(folder, path)).replaceAll('\\', '/'),
  );
  return JSON.stringify(map);
}

/** The project's root: `functions/` lies directly in it. */
function rootOf(source: string): string {
  return dirname(dirname(source));
}
