import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/**
 * Writes the body of the worker threads into `outdir` as plain JavaScript, and resolves with its URL. A thread that runs
 * the TypeScript itself loads a compiler for it, which takes 7 MB in each.
 */
export async function bundleRuntime(outdir: string): Promise<URL> {
  const outfile = join(outdir, 'runtime.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('./runtime.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    logLevel: 'silent',
  });
  return pathToFileURL(outfile);
}
