import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'iovalkey';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Cache, startCache } from '#localstack/emulators/cache/cache.ts';
import { findProgram } from '#localstack/processes/find-program.ts';
import { isAlive, untilGone } from '#test/localstack/support/processes.ts';
import { sayByHttp } from '#test/localstack/support/say-by-http.ts';

const moduleUrl = new URL('../../../../localstack/emulators/cache/cache.ts', import.meta.url).href;
const server = findProgram(['valkey-server', 'redis-server']);
const reason = server ?? 'skipped: neither valkey-server nor redis-server is on the PATH';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postrider-cache-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('without a server', () => {
  it('there is no cache', async () => {
    expect(await startCache({ url: '', path: directory })).toBeUndefined();
  });

  it('a file of its name that cannot be run is none', async () => {
    await writeFile(join(directory, 'valkey-server'), '', { mode: 0o644 });
    expect(await startCache({ url: '', path: directory })).toBeUndefined();
  });

  it.skipIf(process.platform === 'win32')(
    'a program that is none is reported with what it said',
    async () => {
      await writeFile(join(directory, 'valkey-server'), '#!/bin/sh\necho no such option\nexit 3\n', {
        mode: 0o755,
      });
      await expect(startCache({ url: '', path: directory })).rejects.toThrow(
        /did not start\. no such option/,
      );
    },
  );
});

describe('VALKEY_URL', () => {
  it.each(['localhost:6379', 'http://127.0.0.1'])('is refused when it is not one: %s', async (url) => {
    await expect(startCache({ url })).rejects.toThrow(
      'VALKEY_URL cannot be used: the address of the cache must look like valkeys://host:6379. Name a',
    );
  });

  it('is refused when nobody is there, without its password', async () => {
    const refusal = await startCache({ url: 'redis://user:secret@127.0.0.1:9' }).catch(String);
    expect(refusal).toMatch(/VALKEY_URL cannot be used: .*ECONNREFUSED.* or leave VALKEY_URL out\.$/);
    expect(refusal).not.toContain('secret');
  });
});

describe.skipIf(server === undefined)(`a server of our own (${reason})`, () => {
  let cache: Cache;
  const crashes: Error[] = [];
  beforeEach(async () => {
    crashes.length = 0;
    const started = await startCache({ url: '', onCrash: (error) => crashes.push(error) });
    if (started === undefined) throw new Error('no cache');
    cache = started;
  });
  afterEach(() => cache.stop());

  it('takes no commands from a web page, whatever it puts into a request', async () => {
    for (const method of ['GET', 'POST', 'PUT']) await sayByHttp(Number(new URL(cache.url).port), method);
    const client = new Redis(cache.url);
    expect(await client.keys('*')).toEqual([]);
    await client.quit();
  });

  it('has bounded memory, evicts only what expires, and keeps nothing on disk', async () => {
    const client = new Redis(cache.url);
    const config = async (name: string) => ((await client.config('GET', name)) as string[])[1];
    expect(new URL(cache.url).hostname).toBe('127.0.0.1');
    expect(await config('bind')).toBe('127.0.0.1');
    expect(await config('maxmemory')).toBe(String(64 * 1024 * 1024));
    expect(await config('maxmemory-policy')).toBe('volatile-lru');
    expect(await config('save')).toBe('');
    expect(await config('appendonly')).toBe('no');
    await client.quit();
  });

  it('is used as it is where VALKEY_URL names it', async () => {
    const url = cache.url.replace('redis://', 'valkey://');
    const named = await startCache({ url });
    expect(named).toMatchObject({ url, origin: 'VALKEY_URL', pid: undefined });
    await named?.stop();
    expect(isAlive(cache.pid ?? 0)).toBe(true);
  });

  it('ends when it is told to', async () => {
    await cache.stop();
    await sleep(50);
    expect(isAlive(cache.pid ?? 0)).toBe(false);
    expect(crashes).toEqual([]);
  });

  it('reports a crash', async () => {
    process.kill(cache.pid ?? 0, 'SIGKILL');
    while (crashes.length === 0) await sleep(10);
    expect(crashes[0]?.message).toMatch(/^The cache \(.*\) ended, by SIGKILL\.$/);
  });

  it('does not outlive a parent that is killed without a chance to clean up', async () => {
    const script = join(directory, 'parent.mjs');
    await writeFile(
      script,
      `import { startCache } from ${JSON.stringify(moduleUrl)};
       console.log((await startCache({ url: '' })).pid);`,
    );
    const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(parent.stdout, 'data');
    const pid = Number(String(line));
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await untilGone(pid);
  });
});
