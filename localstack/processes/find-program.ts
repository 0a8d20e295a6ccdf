import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The first of `names` that is on the PATH, as a whole path; undefined if none is. */
export function findProgram(names: readonly string[], path = process.env.PATH ?? ''): string | undefined {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const directories = path.split(delimiter).filter((directory) => directory !== '');
  const candidates = names.flatMap((name) => directories.map((directory) => join(directory, name + suffix)));
  return candidates.find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
