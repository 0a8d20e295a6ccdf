import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { openSharedStack } from '#test/contract/support/target.ts';
import { newUser } from './support/devices.ts';

const run = promisify(execFile);
const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** What Node 18, browsers of late 2022 or Hermes lack, each by where it is found. */
const newer = [
  ...['withResolvers', 'try'].map((name) => `Promise.${name}`),
  ...['any', 'timeout'].map((name) => `AbortSignal.${name}`),
  ...['throwIfAborted', 'addEventListener'].map((name) => `AbortSignal.prototype.${name}`),
  ...['canParse', 'parse'].map((name) => `URL.${name}`),
  ...['isWellFormed', 'toWellFormed', 'at'].map((name) => `String.prototype.${name}`),
  ...['toSorted', 'toReversed', 'toSpliced', 'with', 'findLast', 'findLastIndex', 'at', 'group'].map(
    (name) => `Array.prototype.${name}`,
  ),
  ...['toSorted', 'toReversed', 'with', 'at', 'toHex', 'toBase64'].map(
    (name) => `Uint8Array.prototype.${name}`,
  ),
  ...['fromAsync'].map((name) => `Array.${name}`),
  ...['groupBy', 'hasOwn'].map((name) => `Object.${name}`),
  ...['groupBy', 'prototype.getOrInsert', 'prototype.getOrInsertComputed'].map((name) => `Map.${name}`),
  ...[
    'union',
    'intersection',
    'difference',
    'symmetricDifference',
    'isSubsetOf',
    'isSupersetOf',
    'isDisjointFrom',
  ].map((name) => `Set.prototype.${name}`),
  ...[
    'map',
    'filter',
    'take',
    'drop',
    'flatMap',
    'reduce',
    'toArray',
    'forEach',
    'some',
    'every',
    'find',
  ].map((name) => `Iterator.prototype.${name}`),
  ...[
    'Iterator',
    'WeakRef',
    'FinalizationRegistry',
    'structuredClone',
    'TextEncoder',
    'TextDecoder',
    'atob',
    'btoa',
  ],
  ...['crypto', 'navigator', 'WebSocket', 'URL', 'AbortController', 'AbortSignal', 'DOMException', 'fetch'],
  ...['RegExp.escape', 'Error.isError', 'Uint8Array.fromBase64', 'Math.sumPrecise', 'Atomics.waitAsync'],
];

const folder = mkdtempSync(join(file('../..'), 'node_modules/.postrider-runtimes-'));
const bundle = join(folder, 'sdk.mjs');
let stack: Awaited<ReturnType<typeof openSharedStack>>;

beforeAll(async () => {
  stack = await openSharedStack(inject('sharedStackDoor'));
  await build({
    entryPoints: [file('../../client/index.ts')],
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2020',
    outfile: bundle,
  });
}, 120_000);
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await stack.stop();
}, 60_000);

async function talk(without: readonly string[]): Promise<unknown> {
  const [alice, bob] = [newUser('alice'), newUser('bob')];
  const people = [await stack.token(alice), bob, await stack.token(bob)];
  const program = [file('./support/talk-without.ts'), bundle, stack.url, ...people];
  const { stdout } = await run(process.execPath, [...program, ...without], { timeout: 100_000 });
  return JSON.parse(stdout);
}

test('a conversation needs no function that is newer than Node 18, browsers of 2022 and Hermes', async () => {
  expect(await talk(newer)).toEqual({
    received: ['left', 'hello', 'grüße 👋'],
    history: 3,
    isExplained: true,
    attempts: 2,
  });
}, 120_000);
