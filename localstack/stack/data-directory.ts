import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { readPrivateFile, writePrivateFile } from '#localstack/emulators/private-file.ts';

export interface DataDirectory {
  readonly path: string;
  /** Whether it goes at the end. */
  readonly temporary: boolean;
  /** Which life of the data it holds: as long as the directory stays. */
  readonly epoch: string;
  /** Lets the next one in, and removes a temporary directory. */
  close(): Promise<void>;
}

/** A directory that cannot serve. The message says why, in words for whoever chose it. */
export class DataDirectoryError extends Error {
  override readonly name = 'DataDirectoryError';
}

// Long enough for a stack that is just ending.
const patienceMs = 3_000;
const lockFile = 'lock';

/** In the directory, and what shows that it is one of ours. */
export const databaseFile = 'dynamodb.sqlite';

/** Opens the directory for this stack alone, making it if need be; a temporary one without `path`. */
export async function openDataDirectory(path?: string): Promise<DataDirectory> {
  if (path === undefined) {
    return openTemporary(mkdtempSync(join(tmpdir(), 'postrider-')));
  }
  const absolute = resolve(path);
  try {
    makeDirectory(absolute);
    keepToOwner(absolute);
  } catch (cause) {
    throw unusable(absolute, cause);
  }
  const unlock = await lock(absolute);
  try {
    return { path: absolute, temporary: false, epoch: epochIn(absolute), close: async () => unlock() };
  } catch (cause) {
    unlock();
    throw unusable(absolute, cause);
  }
}

/** Kept beside the data: they go together, and so a directory that begins anew begins another life. */
function epochIn(directory: string): string {
  const file = join(directory, 'epoch.json');
  const known = readPrivateFile(file);
  if (typeof known === 'string' && known !== '') return known;
  const epoch = randomBytes(6).toString('base64url');
  writePrivateFile(file, epoch);
  return epoch;
}

/** Goes with this process as well, whose end may not wait for a start that hangs. */
function openTemporary(path: string): DataDirectory {
  const remove = () => rmSync(path, { recursive: true, force: true });
  process.once('exit', remove);
  return {
    path,
    temporary: true,
    epoch: randomBytes(6).toString('base64url'),
    async close() {
      process.off('exit', remove);
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** As `mkdirSync` with `recursive`, which never returns where there can be no directory: below /proc. */
function makeDirectory(path: string): void {
  const parent = dirname(path);
  if (parent !== path && !existsSync(parent)) makeDirectory(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/**
 * 0700: tokens and ciphertexts are nobody else's. A directory that holds other things as well is not ours to change, and is
 * refused while others may read it.
 */
function keepToOwner(path: string): void {
  if (process.platform === 'win32' || (statSync(path).mode & 0o077) === 0) return;
  const names = readdirSync(path);
  const isOurs = names.includes(databaseFile) || names.every((name) => name === lockFile);
  if (!isOurs)
    throw new Error(`others may read it, and it holds what is not of this stack. Try: chmod 700 ${path}`);
  chmodSync(path, 0o700);
}

/**
 * SQLite's exclusive transaction is a lock of the operating system, on every platform. It ends with the process, even
 * by SIGKILL. A file with a process id in it would stay, and might come to name somebody else.
 */
async function lock(directory: string): Promise<() => void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const database = openLockFile(directory);
    try {
      database.exec('BEGIN EXCLUSIVE');
      return () => database.close();
    } catch (cause) {
      database.close();
      if (!isBusy(cause)) throw unusable(directory, cause);
      if (performance.now() > deadline)
        throw new DataDirectoryError(
          `The data directory ${directory} is in use by another stack. Stop that one, or choose another directory.`,
        );
    }
    await sleep(100);
  }
}

function openLockFile(directory: string): DatabaseSync {
  try {
    return new DatabaseSync(join(directory, lockFile));
  } catch (cause) {
    throw unusable(directory, cause);
  }
}

function isBusy(cause: unknown): boolean {
  // SQLITE_BUSY, https://www.sqlite.org/rescode.html
  return cause instanceof Error && 'errcode' in cause && cause.errcode === 5;
}

function unusable(directory: string, cause: unknown): DataDirectoryError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new DataDirectoryError(
    `The data directory ${directory} cannot be used: ${reason}. Choose one that can be written to.`,
    { cause },
  );
}
