import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { findMinistack } from '#localstack/deploy-gate/install.ts';

let directory: string;
let programs: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ministack-install-'));
  programs = join(directory, 'bin');
  await mkdir(programs);
  vi.stubEnv('PATH', programs);
  vi.stubEnv('MINISTACK', undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

async function addPython(script: string): Promise<void> {
  const python = join(programs, 'python3');
  await writeFile(python, `#!/bin/sh\n${script}\n`);
  await chmod(python, 0o755);
}

test('without Python it says so, and what to do', async () => {
  const refusal = expect(findMinistack(directory)).rejects;
  await refusal.toThrow(/no python3 on the PATH.*Install Python 3\.10 or newer with venv, or set MINISTACK/);
});

test('where Python cannot install it, the reason is told with what to do', async () => {
  await addPython('echo "ensurepip is not available" >&2; exit 1');
  const error: unknown = await findMinistack(directory).catch((reason: unknown) => reason);
  expect(String(error)).toMatch(/could not be installed.*set MINISTACK/);
  expect(String((error as Error).cause)).toContain('ensurepip is not available');
});

test('a program of one’s own is used as it is', async () => {
  vi.stubEnv('MINISTACK', '/opt/ministack');
  expect(await findMinistack(directory)).toBe('/opt/ministack');
});
