import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const webDirectory = fileURLToPath(new URL('../../web', import.meta.url));

/** Writes the demo page into `outdir`, its modules in one file, as current browsers read it. */
export async function bundlePage(outdir: string): Promise<void> {
  await build({
    absWorkingDir: webDirectory,
    entryPoints: ['index.html', 'icon.svg', 'style.css', 'main.ts'],
    loader: { '.html': 'copy', '.svg': 'copy' },
    outdir,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    sourcemap: 'linked',
    logLevel: 'silent',
  });
}
