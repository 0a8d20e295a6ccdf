import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openDataDirectory } from '#localstack/stack/data-directory.ts';

const moduleUrl = new URL('../../../localstack/stack/data-directory.ts', import.meta.url).href;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postrider-data-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** A process that has opened `path` and lives until it is killed. */
async function openElsewhere(path: string) {
  const script = join(directory, 'holder.mjs');
  await writeFile(
    script,
    `import { openDataDirectory } from ${JSON.stringify(moduleUrl)};
     globalThis.held = await openDataDirectory(${JSON.stringify(path)});
     setInterval(() => undefined, 1000);
     console.log('open');`,
  );
  const holder = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  return holder;
}

it('makes a temporary one that goes at the end', async () => {
  const opened = await openDataDirectory();
  expect(opened.temporary).toBe(true);
  expect(existsSync(opened.path)).toBe(true);
  await opened.close();
  expect(existsSync(opened.path)).toBe(false);
});

it('makes the one that is named, for its owner alone, and keeps it', async () => {
  const path = join(directory, 'a', 'b');
  const opened = await openDataDirectory(path);
  expect(opened).toMatchObject({ path, temporary: false });
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  await writeFile(join(path, 'kept'), '');
  await opened.close();
  const again = await openDataDirectory(path);
  expect(existsSync(join(path, 'kept'))).toBe(true);
  await again.close();
});

it.skipIf(process.platform === 'win32').each([
  ['an empty one', []],
  ['one of a start that came to nothing', ['lock']],
  ['one of an earlier stack', ['lock', 'dynamodb.sqlite', 'of-yours']],
])('takes %s from others that may read it', async (_, files) => {
  const path = join(directory, 'data');
  await mkdir(path);
  for (const file of files) await writeFile(join(path, file), '');
  await chmod(path, 0o755);
  const opened = await openDataDirectory(path);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  await opened.close();
});

it.skipIf(process.platform === 'win32')(
  'leaves one alone that others may read and that holds other things, and says what to do',
  async () => {
    await writeFile(join(directory, 'of-yours'), '');
    await chmod(directory, 0o750);
    await expect(openDataDirectory(directory)).rejects.toThrow(`Try: chmod 700 ${directory}`);
    expect((await stat(directory)).mode & 0o777).toBe(0o750);
    expect(await readdir(directory)).toEqual(['of-yours']);
    await chmod(directory, 0o700);
    await (await openDataDirectory(directory)).close();
  },
);

it('lets one stack in, and the next one after it', async () => {
  const opened = await openDataDirectory(directory);
  await expect(openDataDirectory(directory)).rejects.toThrow(
    `The data directory ${directory} is in use by another stack.`,
  );
  await opened.close();
  await (await openDataDirectory(directory)).close();
});

it('is free again when the process that had it was killed', async () => {
  const path = join(directory, 'data');
  const holder = await openElsewhere(path);
  await expect(openDataDirectory(path)).rejects.toThrow(/is in use by another stack/);
  holder.kill('SIGKILL');
  await (await openDataDirectory(path)).close();
});

it('waits a little for one that is just ending', async () => {
  const opened = await openDataDirectory(directory);
  const next = openDataDirectory(directory);
  setTimeout(() => void opened.close(), 300);
  await (await next).close();
});

it.each([
  ['is a file', 'file'],
  ['is below a file', join('file', 'below')],
])('refuses a path that %s', async (_, path) => {
  await writeFile(join(directory, 'file'), '');
  await expect(openDataDirectory(join(directory, path))).rejects.toThrow(
    /^The data directory .* cannot be used: .*Choose one that can be written to\.$/,
  );
});

it.skipIf(process.getuid?.() === 0)(
  'refuses a directory that may not be written to (skipped: root may write anywhere)',
  async () => {
    const path = join(directory, 'data');
    await (await openDataDirectory(path)).close();
    await rm(join(path, 'lock'));
    await chmod(path, 0o500);
    await expect(openDataDirectory(path)).rejects.toThrow(/cannot be used/);
  },
);

it('refuses a lock file that is not ours', async () => {
  await writeFile(
    join(directory, 'lock'),
    'something else, longer than a header of SQLite would be'.repeat(10),
  );
  await expect(openDataDirectory(directory)).rejects.toThrow(/cannot be used: file is not a database/);
});

it('has the epoch of its data: the same as long as it stays, another one for each that begins anew', async () => {
  const epochs: string[] = [];
  for (const path of [
    join(directory, 'one'),
    join(directory, 'one'),
    join(directory, 'two'),
    undefined,
    undefined,
  ]) {
    const opened = await openDataDirectory(path);
    epochs.push(opened.epoch);
    await opened.close();
  }

  expect(epochs[1]).toBe(epochs[0]);
  expect(new Set(epochs).size).toBe(4);
  expect((await stat(join(directory, 'one', 'epoch.json'))).mode & 0o777).toBe(0o600);
});
