/**
 * Runs one program, and ends it when whoever started this process is gone, however it went: the pipe on our standard input
 * then ends, on every platform. Reports on standard output, one JSON object a line: `{pid}` or `{error}`, then `{exit}`.
 */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';

interface WatchdogTask {
  readonly command: string;
  readonly args: readonly string[];
  /** A directory to remove once the program has ended. */
  readonly removeAfterwards?: string;
}

const graceMs = 3_000;

const task = JSON.parse(process.argv[2] ?? '') as WatchdogTask;
// Both of its outputs go to our standard error: our standard output is for the reports.
const child = spawn(task.command, task.args, { stdio: ['ignore', 2, 2], windowsHide: true });

let stopping = false;
function stop(): void {
  if (stopping) return;
  stopping = true;
  child.kill('SIGTERM');
  setTimeout(() => child.kill('SIGKILL'), graceMs).unref();
}

function report(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function end(message: object): void {
  report(message);
  if (task.removeAfterwards !== undefined)
    rmSync(task.removeAfterwards, { recursive: true, force: true, maxRetries: 3 });
  process.exitCode = 0;
  process.stdin.destroy();
}

child.once('spawn', () => report({ pid: child.pid }));
child.once('error', (error) => end({ error: error.message }));
child.once('exit', (code, signal) => end({ exit: { code, signal } }));

// Nobody may be left to read what we write.
process.stdout.on('error', stop);
process.stderr.on('error', stop);
process.stdin.on('error', stop).on('end', stop).on('close', stop).resume();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
