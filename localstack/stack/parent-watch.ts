import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Reading /proc costs microseconds, running `ps` milliseconds. */
const intervalMs = process.platform === 'linux' ? 500 : 2_000;

/**
 * Calls `onGone` once when npm, which runs this script, is no more, for whatever reason. npm runs scripts by `sh -c`, and
 * that shell may stay between the two and outlive npm: its parent is looked at as well then.
 */
export function watchNpm(onGone: () => void): void {
  const parent = process.ppid;
  const shellsParent = isScriptShell(parent) ? parentOf(parent) : undefined;
  const timer = setInterval(() => {
    const parentIsThere = process.ppid === parent && isAlive(parent);
    if (parentIsThere && (shellsParent === undefined || parentOf(parent) === shellsParent)) return;
    clearInterval(timer);
    onGone();
  }, intervalMs).unref();
}

function isScriptShell(pid: number): boolean {
  return / -c .*start\.ts/.test(commandLineOf(pid) ?? '');
}

function commandLineOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return ask(pid, 'args=');
  return readQuietly(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ');
}

function parentOf(pid: number): number | undefined {
  if (process.platform !== 'linux') return Number(ask(pid, 'ppid=')) || undefined;
  // `pid (name) state ppid …`, and a name may have spaces and parentheses in it.
  return Number(/.*\) \S (\d+)/s.exec(readQuietly(`/proc/${pid}/stat`) ?? '')?.[1]) || undefined;
}

function readQuietly(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function ask(pid: number, field: string): string | undefined {
  try {
    return execFileSync('ps', ['-o', field, '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // It may belong to somebody else, and is alive then.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
