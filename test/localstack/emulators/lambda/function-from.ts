import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createLocalFunction,
  type LocalFunction,
  type LocalFunctionOptions,
} from '#localstack/emulators/lambda/local-function.ts';

export interface FunctionWorkshop extends AsyncDisposable {
  /** An empty directory, for files through which a handler and a test tell each other things. */
  readonly directory: string;
  /** A local function from the source of its module. */
  functionFrom(source: string, options?: Partial<LocalFunctionOptions>): Promise<LocalFunction>;
}

/** Makes local functions for one test and leaves nothing of them behind. */
export async function openWorkshop(): Promise<FunctionWorkshop> {
  const directory = await mkdtemp(join(tmpdir(), 'local-function-'));
  const functions: LocalFunction[] = [];
  return {
    directory,
    async functionFrom(source, options) {
      const file = join(directory, `function-${functions.length}.mjs`);
      await writeFile(file, source);
      const local = createLocalFunction({ name: 'example', file, environment: {}, ...options });
      functions.push(local);
      return local;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(functions.map((local) => local.stop()));
      await rm(directory, { recursive: true });
    },
  };
}
