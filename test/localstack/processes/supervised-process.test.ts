import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startSupervised } from '#localstack/processes/supervised-process.ts';
import { isAlive, untilGone } from '#test/localstack/support/processes.ts';

const moduleUrl = new URL('../../../localstack/processes/supervised-process.ts', import.meta.url).href;
const forever = 'setInterval(() => undefined, 1000)';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postrider-supervised-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** A process that supervises `node -e program` and prints the pid of that. */
async function startParent(program: string, options: object = {}) {
  const script = join(directory, 'parent.mjs');
  await writeFile(
    script,
    `import { startSupervised } from ${JSON.stringify(moduleUrl)};
     const child = await startSupervised(process.execPath, ['-e', ${JSON.stringify(program)}], ${JSON.stringify(options)});
     console.log(child.pid);`,
  );
  const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(parent.stdout, 'data');
  return { parent, pid: Number(String(line)) };
}

it('ends the program when it is told to', async () => {
  const child = await startSupervised(process.execPath, ['-e', forever]);
  expect(isAlive(child.pid)).toBe(true);
  await child.stop();
  expect(isAlive(child.pid)).toBe(false);
  expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' });
  await child.stop();
});

it('ends a program that ignores SIGTERM', async () => {
  const child = await startSupervised(process.execPath, [
    '-e',
    `process.on('SIGTERM', () => undefined); console.log('deaf'); ${forever}`,
  ]);
  while (child.output() !== 'deaf') await sleep(20);
  await child.stop();
  expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
});

it('says how a program ended by itself, and what it wrote last', async () => {
  const child = await startSupervised(process.execPath, [
    '-e',
    `console.log('out'); console.error('err'); process.exitCode = 7`,
  ]);
  expect(await child.exited).toEqual({ code: 7, signal: null });
  expect(child.output()).toSatisfy((text: string) => text.includes('out') && text.includes('err'));
});

it('refuses a program that cannot be started', async () => {
  await expect(startSupervised(join(directory, 'none'), [])).rejects.toThrow(
    /none could not be started: .*ENOENT/,
  );
});

it('leaves nothing running when the parent is killed without a chance to clean up', async () => {
  const scratch = join(directory, 'scratch');
  const { parent, pid } = await startParent(
    `require('fs').mkdirSync(${JSON.stringify(scratch)}); ${forever}`,
    { removeAfterwards: scratch },
  );
  while (!existsSync(scratch)) await sleep(20);
  parent.kill('SIGKILL');
  await untilGone(pid);
  while (existsSync(scratch)) await sleep(20);
});

it.skipIf(process.platform !== 'linux')(
  'is in a process group of its own, which a Ctrl-C does not reach',
  async () => {
    const child = await startSupervised(process.execPath, ['-e', forever]);
    const groupOf = async (pid: number) => (await readFile(`/proc/${pid}/stat`, 'utf8')).split(' ')[4];
    expect(await groupOf(child.pid)).not.toBe(await groupOf(process.pid));
    await child.stop();
  },
);

it('ends the program when the watchdog alone is killed', async () => {
  const child = await startSupervised(process.execPath, ['-e', `console.log(process.ppid); ${forever}`]);
  while (child.output() === '') await sleep(20);
  process.kill(Number(child.output()), 'SIGKILL');
  await untilGone(child.pid);
  await child.exited;
});
