import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FunctionWorkshop, openWorkshop } from './function-from.ts';

/** Long enough for a timer of a millisecond to have fired many times over, had it been able to. */
const aWhileMs = 250;
const patience = { timeout: 20_000, interval: 10 };

/** Says `started`, then returns its environment's id once the gate (a file) is there. */
const gatedHandler = `
  import { randomUUID } from 'node:crypto';
  import { existsSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  const environment = randomUUID();
  let underWay = 0;
  export async function handler({ gate, label }) {
    underWay += 1;
    const together = underWay;
    console.log('started', label);
    while (!existsSync(gate)) await sleep(5);
    underWay -= 1;
    return { environment, together };
  }`;

let workshop: FunctionWorkshop;
beforeEach(async () => {
  workshop = await openWorkshop();
});
afterEach(async () => {
  await workshop[Symbol.asyncDispose]();
});

describe('an invocation', () => {
  it('carries the event and the result as JSON', async () => {
    const local = await workshop.functionFrom(`
      export async function handler(event) { return { event, at: new Date(0), gone: undefined }; }`);

    const result = await local.invoke({ when: new Date(0), list: [1, 'ü'], gone: undefined });

    const epoch = '1970-01-01T00:00:00.000Z';
    expect(result).toStrictEqual({ event: { when: epoch, list: [1, 'ü'] }, at: epoch });
  });

  it('returns null where the handler returns nothing, or is not async', async () => {
    const nothing = await workshop.functionFrom('export async function handler() {}');
    const notAsync = await workshop.functionFrom(
      `export function handler() { return 'lost on Lambda, too'; }`,
    );

    expect(await nothing.invoke({})).toBeNull();
    expect(await notAsync.invoke({})).toBeNull();
  });

  it('gets the context that Lambda gives', async () => {
    const local = await workshop.functionFrom(
      `export async function handler(event, context) {
        return { ...context, remaining: context.getRemainingTimeInMillis() };
      }`,
      { name: 'send', environment: { AWS_REGION: 'eu-north-1' }, timeoutMs: 20_000 },
    );

    const first = (await local.invoke({})) as Record<string, unknown>;
    const second = (await local.invoke({})) as Record<string, unknown>;

    expect(first).toMatchObject({
      functionName: 'send',
      functionVersion: '$LATEST',
      invokedFunctionArn: 'arn:aws:lambda:eu-north-1:000000000000:function:send',
      memoryLimitInMB: '512',
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(first.remaining).toBeGreaterThan(0);
    expect(first.remaining).toBeLessThanOrEqual(20_000);
    expect(second.awsRequestId).not.toBe(first.awsRequestId);
  });

  it('rejects with what the handler threw, and the environment lives on', async () => {
    const local = await workshop.functionFrom(`
      let calls = 0;
      export async function handler({ fail }) {
        calls += 1;
        if (fail === 'error') throw new RangeError('too far');
        if (fail === 'string') throw 'just text';
        return calls;
      }`);

    const rangeError = { name: 'FunctionError', errorType: 'RangeError', message: 'too far' };
    await expect(local.invoke({ fail: 'error' })).rejects.toMatchObject(rangeError);
    const text = { errorType: 'string', message: 'just text' };
    await expect(local.invoke({ fail: 'string' })).rejects.toMatchObject(text);
    expect(await local.invoke({})).toBe(3);
  });
});

describe('an execution environment', () => {
  it('keeps its memory between calls, and one environment serves calls that follow each other', async () => {
    const local = await workshop.functionFrom(`
      let calls = 0;
      export async function handler() { calls += 1; return calls; }`);

    const results = [await local.invoke({}), await local.invoke({}), await local.invoke({})];

    expect(results).toEqual([1, 2, 3]);
    expect(local.environments).toBe(1);
  });

  it('is frozen between calls: work that was not awaited goes on with the next call only', async () => {
    const mark = join(workshop.directory, 'mark');
    const local = await workshop.functionFrom(`
      import { writeFileSync } from 'node:fs';
      import { setTimeout as sleep } from 'node:timers/promises';
      export async function handler({ leave, stay }) {
        if (leave) setTimeout(() => writeFileSync(leave, 'the timer fired'), 1);
        if (stay) await sleep(50);
      }`);

    await local.invoke({ leave: mark });
    await new Promise((resolve) => setTimeout(resolve, aWhileMs));
    const firedWhileFrozen = existsSync(mark);
    await local.invoke({ stay: true });

    expect(firedWhileFrozen).toBe(false);
    expect(existsSync(mark)).toBe(true);
  });

  it('finds out about connections that were closed meanwhile before the handler uses them', async () => {
    const server = createServer((_request, response) => response.setHeader('Connection', 'keep-alive').end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const local = await workshop.functionFrom(`
      import { Agent, request } from 'node:http';
      const agent = new Agent({ keepAlive: true });
      export const handler = ({ port }) => new Promise((resolve, reject) => {
        const call = request({ host: '127.0.0.1', port, agent }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode));
        });
        call.on('error', reject).end();
      });`);

    const first = await local.invoke({ port });
    server.closeAllConnections();
    await new Promise((resolve) => setTimeout(resolve, aWhileMs));
    const second = await local.invoke({ port });

    expect([first, second]).toEqual([200, 200]);
    server.close();
  });

  it('serves one call at a time: calls side by side get environments of their own', async () => {
    const gate = join(workshop.directory, 'gate');
    const started: string[] = [];
    const local = await workshop.functionFrom(gatedHandler, { onLog: (line) => started.push(line) });

    const calls = [1, 2, 3].map((label) => local.invoke({ gate, label }));
    await vi.waitFor(() => expect(started).toHaveLength(3), patience);
    await writeFile(gate, '');
    const results = (await Promise.all(calls)) as { environment: string; together: number }[];

    expect(new Set(results.map(({ environment }) => environment)).size).toBe(3);
    expect(results.map(({ together }) => together)).toEqual([1, 1, 1]);
    expect(local.environments).toBe(3);
  });

  it('makes calls over the cap wait, first come first served', async () => {
    const gate = join(workshop.directory, 'gate');
    const started: string[] = [];
    const options = { maxEnvironments: 2, onLog: (line: string) => started.push(line) };
    const local = await workshop.functionFrom(gatedHandler, options);

    const calls = ['a', 'b', 'c', 'd', 'e', 'f'].map((label) => local.invoke({ gate, label }));
    await vi.waitFor(() => expect(started).toHaveLength(2), patience);
    const environmentsWhileBusy = local.environments;
    await writeFile(gate, '');
    await Promise.all(calls);

    expect(environmentsWhileBusy).toBe(2);
    expect(started.slice(0, 2).sort()).toEqual(['started a', 'started b']);
    expect(started.slice(2).toSorted()).toEqual(['started c', 'started d', 'started e', 'started f']);
    expect(local.environments).toBe(2);
  });

  it('keeps the order of waiting calls in a single environment', async () => {
    const started: string[] = [];
    const gate = workshop.directory;
    const options = { maxEnvironments: 1, onLog: (line: string) => started.push(line) };
    const local = await workshop.functionFrom(gatedHandler, options);

    await Promise.all(['a', 'b', 'c', 'd'].map((label) => local.invoke({ gate, label })));

    expect(started).toEqual(['started a', 'started b', 'started c', 'started d']);
  });

  it('goes when it was idle for long enough', async () => {
    const local = await workshop.functionFrom('export async function handler() {}', { idleMs: 20 });

    await local.invoke({});

    await vi.waitFor(() => expect(local.environments).toBe(0), patience);
    expect(await local.invoke({})).toBeNull();
  });
});

describe('what the code sees of its surroundings', () => {
  it('has the given environment and what Lambda sets, and nothing of this process', async () => {
    vi.stubEnv('SECRET_OF_THE_PARENT', 'hidden');
    const environment = { TABLE: 'messages', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };
    const source = 'export async function handler() { return { ...process.env }; }';
    const local = await workshop.functionFrom(source, { name: 'send', environment });

    const seen = (await local.invoke({})) as Record<string, string>;

    expect(seen).toMatchObject({
      ...environment,
      AWS_LAMBDA_FUNCTION_NAME: 'send',
      AWS_REGION: 'us-east-1',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
      HOME: workshop.directory,
    });
    expect(seen).not.toHaveProperty('SECRET_OF_THE_PARENT');
    expect(seen).not.toHaveProperty('PATH');
    vi.unstubAllEnvs();
  });

  it('has its output passed on line by line, in the order of writing', async () => {
    const lines: string[] = [];
    const source = `
      console.log('loading');
      export async function handler() {
        console.log('one', { two: 2 });
        console.error('three');
        process.stdout.write('fo');
        process.stdout.write(Buffer.from('ur\\nfive\\nsix'), 'utf8');
        await new Promise((written) => process.stderr.write('seven\\n', written));
      }`;
    const local = await workshop.functionFrom(source, { onLog: (line) => lines.push(line) });

    await local.invoke({});

    expect(lines).toEqual(['loading', 'one { two: 2 }', 'three', 'four', 'five', 'seven', 'six']);
  });
});
