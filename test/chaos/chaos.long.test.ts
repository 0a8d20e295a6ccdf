import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { descendantsOf, untilGone } from '#test/localstack/support/processes.ts';
import { killKinds } from './kinds.ts';
import type { RecordedFault } from './report.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postrider-chaos-'));
});
afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));

function run(...args: string[]) {
  const child = spawn(process.execPath, ['test/chaos/run.ts', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  return {
    child,
    output: () => output,
    exited: once(child, 'close').then(([code]) => code as number | null),
  };
}

async function jsonLines<T>(file: string): Promise<T[]> {
  const text = await readFile(join(directory, file), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

test('calls fail, parts are killed, the whole stack among them, and nothing is lost, doubled or out of order', async () => {
  const { exited, output } = run('--seed', '7', '--minutes', '0.3', '--users', '4', '--out', directory);

  expect(await exited, output()).toBe(0);

  expect(output()).toContain('nothing was lost, doubled or out of order');
  const kinds = (await jsonLines<RecordedFault>('faults.jsonl')).map(({ kind }) => kind);
  // A worker's end waits for its call; the others come as planned.
  for (const kind of killKinds.filter((one) => one !== 'kill-worker' && one !== 'kill-cache'))
    expect(kinds).toContain(kind);
  expect(kinds.filter((kind) => !kind.startsWith('kill-')).length).toBeGreaterThan(20);
  const events = await jsonLines<{ kind: string }>('history.jsonl');
  for (const kind of ['sent', 'pushed', 'drained', 'final'])
    expect(events.filter((event) => event.kind === kind).length, kind).toBeGreaterThan(5);
  process.stdout.write(`${output().trim().split('\n').slice(-4, -1).join('\n')}\n`);
}, 400_000);

test('Ctrl-C ends it, and leaves no process', async () => {
  const { child, exited, output } = run('--seed', '1', '--minutes', '5', '--out', directory);
  const started = () => readFile(join(directory, 'history.jsonl'), 'utf8').catch(() => '');
  while ((await started()) === '' && child.exitCode === null) await sleep(100);
  const processes = descendantsOf(child.pid ?? 0);
  expect(processes.length).toBeGreaterThanOrEqual(3);

  child.kill('SIGINT');

  expect(await exited).toBe(130);
  expect(output()).toContain('ended before its time; nothing was judged');
  await untilGone(...processes);
}, 120_000);

test.each([
  [['--seed', '-1'], '--seed'],
  [['--minutes', '0'], '--minutes'],
  [['--users', '1'], '--users'],
  [['--faults', 'rain'], 'knows no "rain"'],
  [['--fault', 'all'], '--fault'],
])('%j is refused with what is wrong and where help is', async (args, words) => {
  const { exited, output } = run(...args);
  expect(await exited).toBe(2);
  expect(output()).toContain(words);
  expect(output()).toContain('All options: --help');
});
