import { PassThrough, Readable } from 'node:stream';
import { vi } from 'vitest';
import { run } from '../../../cli/run.ts';

interface RunOptions {
  readonly stdin?: string | Readable;
  readonly env?: Readonly<Record<string, string>>;
  readonly interrupted?: AbortSignal;
}

/** A command under way in this process. */
export interface Running {
  /** What it has printed so far. */
  out(): string;
  err(): string;
  /** The lines of `--json` so far. */
  events(): Record<string, unknown>[];
  readonly exitCode: Promise<number>;
}

export function start(argv: readonly string[], options: RunOptions = {}): Running {
  const [stdout, stderr] = [collector(), collector()];
  const stdin = options.stdin instanceof Readable ? options.stdin : Readable.from([options.stdin ?? '']);
  const exitCode = run(argv, {
    stdin,
    stdout: stdout.stream,
    stderr: stderr.stream,
    env: { PATH: process.env.PATH, ...options.env },
    interrupted: options.interrupted ?? new AbortController().signal,
  });
  return {
    out: stdout.text,
    err: stderr.text,
    events: () =>
      stdout
        .text()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
    exitCode,
  };
}

/** Runs a command to its end. */
export async function finish(argv: readonly string[], options: RunOptions = {}) {
  const running = start(argv, options);
  const exitCode = await running.exitCode;
  return { exitCode, out: running.out(), err: running.err(), events: running.events };
}

function collector() {
  const stream = new PassThrough();
  let text = '';
  stream.on('data', (chunk) => {
    text += String(chunk);
  });
  return { stream, text: () => text };
}

/** Waits until `check` no longer throws. Generous: machines are busy. */
export async function eventually(check: () => void): Promise<void> {
  await vi.waitFor(check, { timeout: 30_000, interval: 25 });
}
