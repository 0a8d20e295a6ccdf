import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FunctionError } from '#localstack/emulators/lambda/local-function.ts';
import { type FunctionWorkshop, openWorkshop } from './function-from.ts';

const patience = { timeout: 20_000, interval: 10 };

/** Says `started`, waits, and leaves a mark if it got to its end. */
const slowHandler = `
  import { writeFileSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  export async function handler({ waitMs, mark }) {
    console.log('started');
    await sleep(waitMs);
    if (mark) writeFileSync(mark, 'got to the end');
    return 'done';
  }`;

let workshop: FunctionWorkshop;
beforeEach(async () => {
  workshop = await openWorkshop();
});
afterEach(async () => {
  await workshop[Symbol.asyncDispose]();
});

describe('an invocation that takes too long', () => {
  const timedOut = {
    name: 'FunctionError',
    errorType: 'Sandbox.Timedout',
    message: expect.stringMatching(/Task timed out after 1\.00 seconds$/),
  };

  it('is ended, and the next one gets a new environment', async () => {
    const mark = join(workshop.directory, 'mark');
    const local = await workshop.functionFrom(slowHandler, { timeoutMs: 1_000 });

    await expect(local.invoke({ waitMs: 1_200, mark })).rejects.toMatchObject(timedOut);

    expect(local.environments).toBe(0);
    expect(await local.invoke({ waitMs: 0 })).toBe('done');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(existsSync(mark)).toBe(false);
  });

  it('is ended in the middle of a loop that never yields', async () => {
    const source = 'export async function handler() { for (;;); }';
    const local = await workshop.functionFrom(source, { timeoutMs: 1_000 });

    await expect(local.invoke({})).rejects.toMatchObject(timedOut);
    expect(local.environments).toBe(0);
  });

  it('does not take the turn of those that wait', async () => {
    const local = await workshop.functionFrom(slowHandler, { timeoutMs: 1_000, maxEnvironments: 1 });

    const [slow, next] = await Promise.allSettled([
      local.invoke({ waitMs: 60_000 }),
      local.invoke({ waitMs: 0 }),
    ]);

    expect(slow.status).toBe('rejected');
    expect(next).toEqual({ status: 'fulfilled', value: 'done' });
  });
});

describe('an environment that dies', () => {
  const source = `
    let calls = 0;
    const ways = {
      exit: () => process.exit(3),
      leave: () => process.exit(0),
      uncaught: () => setImmediate(() => { throw new TypeError('nobody caught this'); }),
      unhandled: () => { Promise.reject(new Error('nobody awaited this')); },
    };
    export async function handler({ way }) {
      calls += 1;
      ways[way]?.();
      if (way) await new Promise((resolve) => setTimeout(resolve, 10_000));
      return calls;
    }`;

  it.each([
    { way: 'exit', errorType: 'Runtime.ExitError', message: /Runtime exited with error: exit status 3$/ },
    { way: 'leave', errorType: 'Runtime.ExitError', message: /Runtime exited without providing a reason$/ },
    { way: 'uncaught', errorType: 'TypeError', message: /^nobody caught this$/ },
    {
      way: 'unhandled',
      errorType: 'Runtime.UnhandledPromiseRejection',
      message: /^Error: nobody awaited this$/,
    },
  ])(
    'by $way fails its call as $errorType, and the next call starts afresh',
    async ({ way, errorType, message }) => {
      const local = await workshop.functionFrom(source);
      await local.invoke({});

      const failed = local.invoke({ way });

      await expect(failed).rejects.toBeInstanceOf(FunctionError);
      await expect(failed).rejects.toMatchObject({ errorType, message: expect.stringMatching(message) });
      expect(local.environments).toBe(0);
      expect(await local.invoke({})).toBe(1);
    },
  );

  it('says why in its last lines', async () => {
    const lines: string[] = [];
    const local = await workshop.functionFrom(source, { onLog: (line) => lines.push(line) });

    await expect(local.invoke({ way: 'uncaught' })).rejects.toThrow();

    expect(lines).toEqual([expect.stringMatching(/^Uncaught Exception\t.*nobody caught this/)]);
  });
});

describe('a handler whose promise nothing can settle', () => {
  it('fails at once, not by the time-out, and its environment lives on', async () => {
    const local = await workshop.functionFrom(`
      let calls = 0;
      export function handler({ never }) {
        calls += 1;
        return never ? new Promise(() => {}) : Promise.resolve(calls);
      }`);

    await expect(local.invoke({ never: true })).rejects.toMatchObject({ errorType: 'Runtime.NodeJsExit' });
    await expect(local.invoke({ never: true })).rejects.toMatchObject({ errorType: 'Runtime.NodeJsExit' });
    expect(await local.invoke({})).toBe(3);
  });
});

describe('a bundle that does not load', () => {
  it.each([
    {
      what: 'throws',
      source: `throw new RangeError('no table')`,
      errorType: 'RangeError',
      message: 'no table',
    },
    {
      what: 'misses a module',
      source: `import './missing.mjs'; export async function handler() {}`,
      errorType: 'Runtime.ImportModuleError',
      message: 'missing.mjs',
    },
    {
      what: 'is no JavaScript',
      source: 'export async function (',
      errorType: 'Runtime.UserCodeSyntaxError',
      message: 'SyntaxError',
    },
    {
      what: 'exports no handler',
      source: 'export const handle = 1;',
      errorType: 'Runtime.HandlerNotFound',
      message: 'index.handler is undefined or not exported',
    },
    {
      what: 'exits',
      source: 'process.exit(7)',
      errorType: 'Runtime.ExitError',
      message: 'exit status 7',
    },
  ])('because it $what fails each call as $errorType', async ({ source, errorType, message }) => {
    const local = await workshop.functionFrom(source, { maxEnvironments: 1 });

    const calls = await Promise.allSettled([local.invoke({}), local.invoke({})]);

    for (const call of calls) {
      const reason = expect.objectContaining({ errorType, message: expect.stringContaining(message) });
      expect(call).toEqual({ status: 'rejected', reason });
    }
    expect(local.environments).toBe(0);
  });
});

describe('kill', () => {
  it('ends a call in mid-flight, which goes no further, and later calls start afresh', async () => {
    const mark = join(workshop.directory, 'mark');
    const lines: string[] = [];
    const local = await workshop.functionFrom(slowHandler, { onLog: (line) => lines.push(line) });
    const call = local.invoke({ waitMs: 300, mark });
    const rejection = expect(call).rejects.toMatchObject({
      errorType: 'Runtime.ExitError',
      message: expect.stringMatching(/Runtime exited with error: signal: killed$/),
    });
    await vi.waitFor(() => expect(lines).toEqual(['started']), patience);

    await local.kill();

    expect(local.environments).toBe(0);
    await rejection;
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(existsSync(mark)).toBe(false);
    expect(await local.invoke({ waitMs: 0 })).toBe('done');
  });

  it('ends frozen environments, and forgets them', async () => {
    const local = await workshop.functionFrom(slowHandler);
    await Promise.all([local.invoke({ waitMs: 50 }), local.invoke({ waitMs: 50 })]);

    await local.kill();

    expect(local.environments).toBe(0);
    expect(await local.invoke({ waitMs: 0 })).toBe('done');
  });

  it('leaves calls that still wait to new environments', async () => {
    const lines: string[] = [];
    const options = { maxEnvironments: 1, onLog: (line: string) => lines.push(line) };
    const local = await workshop.functionFrom(slowHandler, options);
    const calls = Promise.allSettled([local.invoke({ waitMs: 60_000 }), local.invoke({ waitMs: 0 })]);
    await vi.waitFor(() => expect(lines).toEqual(['started']), patience);

    await local.kill();

    const [killed, waited] = await calls;
    expect(killed.status).toBe('rejected');
    expect(waited).toEqual({ status: 'fulfilled', value: 'done' });
  });
});

describe('stop', () => {
  it('ends calls under way and calls that wait, and refuses later ones', async () => {
    const lines: string[] = [];
    const options = { maxEnvironments: 1, onLog: (line: string) => lines.push(line) };
    const local = await workshop.functionFrom(slowHandler, options);
    const calls = Promise.allSettled([local.invoke({ waitMs: 60_000 }), local.invoke({ waitMs: 0 })]);
    await vi.waitFor(() => expect(lines).toEqual(['started']), patience);

    await local.stop();

    expect(local.environments).toBe(0);
    expect((await calls).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(local.invoke({})).rejects.toMatchObject({ errorType: 'Local.Stopped' });
    expect(lines).toEqual(['started']);
  });
});

describe('an idle function', () => {
  it('does not keep its process alive', async () => {
    const bundle = join(workshop.directory, 'bundle.mjs');
    await writeFile(
      bundle,
      `export async function handler() { setInterval(() => {}, 10); return 'served'; }`,
    );
    const module = fileURLToPath(import.meta.resolve('#localstack/emulators/lambda/local-function.ts'));
    const script = join(workshop.directory, 'script.mjs');
    await writeFile(
      script,
      `import { createLocalFunction } from ${JSON.stringify(module)};
      const local = createLocalFunction({ name: 'x', file: ${JSON.stringify(bundle)}, environment: {} });
      console.log(await local.invoke({}), local.environments);`,
    );

    const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 25_000 });

    expect(stdout).toBe('served 1\n');
  });
});
