import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface Child<Order extends object> {
  readonly pid: number;
  /** Fulfilled when it is gone. */
  readonly exited: Promise<void>;
  tell(order: Order): void;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
}

interface ChildOptions<Report> {
  /** Of this folder. */
  readonly file: string;
  /** What it finds by `settingsOf`. */
  readonly settings: object;
  /** Where its output goes, behind what is there. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  onReport(report: Report): void;
}

/** A process of our own with orders and reports by IPC. In a group of its own: Ctrl-C is for its parent to handle. */
export function startChild<Order extends object, Report>(options: ChildOptions<Report>): Child<Order> {
  const log = openSync(options.logFile, 'a');
  const process_: ChildProcess = fork(
    fileURLToPath(new URL(options.file, import.meta.url)),
    [JSON.stringify(options.settings)],
    {
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
      env: { ...process.env, ...options.env },
      execArgv: [],
    },
  );
  process_.on('message', (report) => options.onReport(report as Report));
  process_.on('error', () => undefined);
  const exited = once(process_, 'exit').then(() => undefined);
  return {
    pid: process_.pid ?? 0,
    exited,
    tell(order) {
      if (process_.connected) process_.send(order, () => undefined);
    },
    async kill() {
      process_.kill('SIGKILL');
      await exited;
    },
  };
}

/** In the child: what it was started with. */
export function settingsOf<Settings>(): Settings {
  return JSON.parse(process.argv[2] ?? '{}') as Settings;
}

/** In the child: takes orders, and ends with its parent, however that went. */
export function serveParent<Order>(onOrder: (order: Order) => void): void {
  process.on('message', (order) => onOrder(order as Order));
  process.on('disconnect', () => process.exit(0));
}

/** In the child. */
export function report(message: object): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
