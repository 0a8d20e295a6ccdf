import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

/** Raise it only for something that is worth its bytes to every page. The last was that nothing makes it stuck or storm. */
const mostGzippedBytes = 13_056;

test('the SDK is small, and needs nothing but the platform', async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: [fileURLToPath(new URL('../../client/index.ts', import.meta.url))],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2020',
    metafile: true,
    write: false,
  });
  const [code] = outputFiles;
  const bytes = code?.contents ?? new Uint8Array();
  const gzipped = gzipSync(bytes, { level: 9 }).length;
  // biome-ignore lint/suspicious/noConsole: the size is to be seen in every run.
  console.log(`SDK: ${bytes.length} bytes minified, ${gzipped} gzipped`);
  expect(gzipped).toBeGreaterThan(1_000);
  expect(gzipped).toBeLessThanOrEqual(mostGzippedBytes);
  expect(Object.keys(metafile.inputs).filter((path) => path.includes('node_modules'))).toEqual([]);
});
