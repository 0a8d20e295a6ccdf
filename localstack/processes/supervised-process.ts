import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface SupervisedProcess {
  /** Of the program itself. */
  readonly pid: number;
  /** Fulfilled when the program is over, for whatever reason. */
  readonly exited: Promise<ProcessExit>;
  /** The end of what it wrote (4,096 characters). */
  output(): string;
  /** Ends it: SIGTERM, and SIGKILL if that does not help. */
  stop(): Promise<void>;
}

interface Report {
  readonly pid?: number;
  readonly error?: string;
  readonly exit?: ProcessExit;
}

const watchdog = fileURLToPath(new URL('./watchdog.ts', import.meta.url));
const keptOutput = 4_096;

/**
 * Starts a program that cannot outlive this process, not even a SIGKILL of it. Rejects if it cannot be started at all.
 * `removeAfterwards` is a directory that goes when the program has ended.
 */
export async function startSupervised(
  command: string,
  args: readonly string[],
  options: { readonly removeAfterwards?: string } = {},
): Promise<SupervisedProcess> {
  // Detached: Ctrl-C reaches a terminal's whole process group, and the database must go last, not first.
  const child = spawn(process.execPath, [watchdog, JSON.stringify({ command, args, ...options })], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    windowsHide: true,
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-keptOutput);
  });
  child.stdin.on('error', () => undefined);
  const reports = watchReports(child);
  const pid = await reports.started.catch((cause: unknown) => {
    throw new Error(`${command} could not be started: ${describeCause(cause)} ${output}`.trim(), { cause });
  });
  return {
    pid,
    exited: reports.exited,
    output: () => output.trim(),
    async stop() {
      child.stdin.end();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await reports.exited;
    },
  };
}

function watchReports(child: ChildProcess & { stdout: NodeJS.ReadableStream }) {
  const started = Promise.withResolvers<number>();
  const exited = Promise.withResolvers<ProcessExit>();
  let pid: number | undefined;
  let reported: ProcessExit | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const report = JSON.parse(line) as Report;
    if (report.pid !== undefined) {
      pid = report.pid;
      started.resolve(pid);
    }
    if (report.error !== undefined) started.reject(new Error(report.error));
    if (report.exit !== undefined) reported = report.exit;
  });
  child.once('error', (error) => started.reject(error));
  child.once('exit', (_, signal) => {
    // Somebody killed the watchdog alone: nobody else looks after its program now.
    if (signal !== null && pid !== undefined) killQuietly(pid);
  });
  child.once('close', (code, signal) => {
    started.reject(new Error('its watchdog ended at once'));
    exited.resolve(reported ?? { code, signal });
  });
  return { started: started.promise, exited: exited.promise };
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function describeCause(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
