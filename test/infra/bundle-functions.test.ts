import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundleFunctions } from '#infra/bundle-functions.ts';
import { createLocalFunction } from '#localstack/emulators/lambda/local-function.ts';

let workshop: string;
beforeEach(async () => {
  workshop = await mkdtemp(join(tmpdir(), 'bundle-functions-'));
});
afterEach(async () => {
  await rm(workshop, { recursive: true });
});

/** Writes a project of the given files and returns its functions' directory. */
async function project(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    const file = join(workshop, name, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  return join(workshop, name, 'functions');
}

/** Runs a bundle as it will be run: alone, in a process environment that has nothing of ours. */
async function resultOf(file: string, event: unknown): Promise<unknown> {
  const local = createLocalFunction({ name: 'bundle', file, environment: {} });
  try {
    return await local.invoke(event);
  } finally {
    await local.stop();
  }
}

const typedProject = {
  'functions/send.ts': `
    import { greeting } from '../shared/greeting.ts';
    export const handler = async (event: { name: string }): Promise<string> => greeting(event.name);`,
  'functions/sync.ts': 'export const handler = async (): Promise<string> => "synced";',
  'shared/greeting.ts': `
    export function greeting(name: string): string { return \`Hello, \${name}\`; }
    export function neverUsed(): string { return 'this text is shaken off'; }`,
};

/** A CommonJS package that asks for a module of Node's own, as several of npm's do. */
const projectWithCommonJs = {
  'functions/legacy.ts': `
    import { bytes } from 'legacy';
    export const handler = async (): Promise<number> => bytes();`,
  'functions/modern.ts': 'export const handler = async (): Promise<string> => "modern";',
  'node_modules/legacy/package.json': '{ "name": "legacy", "version": "1.0.0", "main": "index.js" }',
  'node_modules/legacy/index.js': `
    const { randomBytes } = require('crypto');
    exports.bytes = () => randomBytes(8).length;`,
};

/** Relative path to text, of all files below a directory. */
async function contents(directory: string): Promise<Record<string, string>> {
  const paths = await readdir(directory, { recursive: true });
  const files: Record<string, string> = {};
  for (const path of paths.sort()) {
    if ((await stat(join(directory, path))).isFile())
      files[path] = await readFile(join(directory, path), 'utf8');
  }
  return files;
}

describe('bundleFunctions', () => {
  it('makes one module of each file, which runs, with its size', async () => {
    const sourceDir = await project('typed', typedProject);
    const outdir = join(workshop, 'out');

    const bundles = await bundleFunctions({ outdir, sourceDir });

    expect(Object.keys(bundles)).toEqual(['send', 'sync']);
    const send = bundles.send ?? expect.fail();
    expect(send.file).toBe(join(outdir, 'send', 'index.mjs'));
    expect(send.bytes).toBe((await stat(send.file)).size);
    expect(await resultOf(send.file, { name: 'Ada' })).toBe('Hello, Ada');
  });

  it('bundles those that are named, and those alone', async () => {
    const sourceDir = await project('typed', typedProject);
    const outdir = join(workshop, 'out');

    const bundles = await bundleFunctions({ outdir, sourceDir, functions: ['sync'] });

    expect(Object.keys(bundles)).toEqual(['sync']);
    expect(await readdir(outdir)).toEqual(['sync']);
  });

  it('leaves out what nobody uses, and the sources in the map', async () => {
    const sourceDir = await project('typed', typedProject);
    const outdir = join(workshop, 'out');

    await bundleFunctions({ outdir, sourceDir });

    const files = await contents(outdir);
    expect(Object.keys(files)).toEqual([
      'send/index.mjs',
      'send/index.mjs.map',
      'sync/index.mjs',
      'sync/index.mjs.map',
    ]);
    expect(files['send/index.mjs']).not.toContain('shaken off');
    expect(files['send/index.mjs']).toMatch(/\n\/\/# sourceMappingURL=index\.mjs\.map\n$/);
    const map: Record<string, unknown> = JSON.parse(files['send/index.mjs.map'] ?? '');
    expect(map.sources).toEqual(['shared/greeting.ts', 'functions/send.ts']);
    expect(map).not.toHaveProperty('sourcesContent');
  });

  it('makes the same bytes of the same sources, wherever they lie and wherever they go', async () => {
    const here = await project('here', { ...typedProject, ...projectWithCommonJs });
    await cp(join(workshop, 'here'), join(workshop, 'some', 'where', 'else'), { recursive: true });
    const elsewhere = join(workshop, 'some', 'where', 'else', 'functions');

    await bundleFunctions({ outdir: join(workshop, 'one'), sourceDir: here });
    await bundleFunctions({ outdir: join(workshop, 'another', 'deeper', 'one'), sourceDir: elsewhere });

    const first = await contents(join(workshop, 'one'));
    expect(Object.keys(first)).toHaveLength(8);
    expect(await contents(join(workshop, 'another', 'deeper', 'one'))).toEqual(first);
  });

  it('makes the same bytes of a function, whichever others go with it', async () => {
    const sourceDir = await project('both', { ...typedProject, ...projectWithCommonJs });
    const together = join(workshop, 'together');
    const alone = join(workshop, 'alone');

    await bundleFunctions({ outdir: together, sourceDir });
    await bundleFunctions({ outdir: alone, sourceDir, functions: ['legacy'] });
    await bundleFunctions({ outdir: alone, sourceDir, functions: ['send'] });

    expect(await contents(together)).toMatchObject(await contents(alone));
  });

  it('gives a CommonJS dependency its require, and spares the others', async () => {
    const sourceDir = await project('mixed', projectWithCommonJs);
    const outdir = join(workshop, 'out');

    const bundles = await bundleFunctions({ outdir, sourceDir });

    const { legacy, modern } = bundles;
    if (legacy === undefined || modern === undefined) expect.fail();
    expect(await resultOf(legacy.file, {})).toBe(8);
    expect(await readFile(legacy.file, 'utf8')).toContain('createRequire');
    expect(await readFile(modern.file, 'utf8')).not.toContain('createRequire');
  });

  it('removes what an earlier run left in the folder of a function', async () => {
    const sourceDir = await project('typed', typedProject);
    const outdir = join(workshop, 'out');
    await mkdir(join(outdir, 'send'), { recursive: true });
    await writeFile(join(outdir, 'send', 'index.js'), 'stale');

    await bundleFunctions({ outdir, sourceDir, functions: ['send'] });

    expect(await readdir(join(outdir, 'send'))).toEqual(['index.mjs', 'index.mjs.map']);
  });

  it.each([
    {
      what: 'a file without a handler',
      text: 'export const handle = 1;',
      error: /odd\.ts exports no handler/,
    },
    { what: 'a syntax error', text: 'export const handler = (', error: /functions\/odd\.ts:1/ },
    { what: 'a missing import', text: `import './gone.ts'; export const handler = 1;`, error: /gone\.ts/ },
  ])('refuses $what by name', async ({ text, error }) => {
    const sourceDir = await project('odd', { 'functions/odd.ts': text });

    await expect(bundleFunctions({ outdir: join(workshop, 'out'), sourceDir })).rejects.toThrow(error);
  });

  it('refuses a function that does not exist', async () => {
    const sourceDir = await project('typed', typedProject);
    const options = { outdir: join(workshop, 'out'), sourceDir, functions: ['post'] };

    await expect(bundleFunctions(options)).rejects.toThrow(/post\.ts/);
  });

  it("bundles the project's own functions by default", async () => {
    const own = await readdir(fileURLToPath(new URL('../../functions', import.meta.url)));

    const bundles = await bundleFunctions({ outdir: join(workshop, 'out') });

    expect(Object.keys(bundles)).toEqual(own.map((file) => basename(file, '.ts')).sort());
  });
});
