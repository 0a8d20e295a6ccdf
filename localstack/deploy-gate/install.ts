import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from '#localstack/processes/find-program.ts';

/** The version that the deviations were taken from. */
const version = '1.5.33';

const run = promisify(execFile);

/**
 * MiniStack's program: the one that MINISTACK names, or one in a Python environment of our own under `directory`, made
 * at the first call. Throws, naming the ways out, where there is no Python or its package cannot be had.
 */
export async function findMinistack(directory: string): Promise<string> {
  if (process.env.MINISTACK) return process.env.MINISTACK;
  const environment = join(directory, `ministack-${version}`);
  const program = join(environment, 'bin', 'ministack');
  if (existsSync(program)) return program;
  const python = findProgram(['python3']);
  if (python === undefined) throw new Error(`There is no python3 on the PATH. ${waysOut}`);
  await mkdir(directory, { recursive: true });
  try {
    await run(python, ['-m', 'venv', environment]);
    const pip = join(environment, 'bin', 'pip');
    await run(pip, ['install', '--quiet', '--disable-pip-version-check', `ministack[full]==${version}`]);
  } catch (error) {
    throw new Error(`MiniStack could not be installed. ${waysOut}`, { cause: error });
  }
  return program;
}

const waysOut = `Install Python 3.10 or newer with venv, or set MINISTACK to the program of ministack[full] ${version}.`;
