import { createServer } from 'node:http';
import type { TestProject } from 'vitest/node';
import { closeServer, listenOnLoopback } from '#localstack/http/loopback-server.ts';
import type { Stack } from '#localstack/stack.ts';
import { UNTHROTTLED } from './target.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Answers with the HTTP URL of the stack that sections of the contract share. */
    readonly sharedStackDoor: string;
  }
}

/** As many as two sections that run side by side keep busy. */
const maxEnvironments = 4;

let stack: Promise<Stack> | undefined;
const door = createServer(async (_request, response) => {
  try {
    stack ??= start();
    response.end((await stack).httpUrl);
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
});

/**
 * For Vitest's `globalSetup`. One stack serves all sections that want no limits of their own, because most of what a
 * section costs is the start of a stack. It starts when the first of them asks for it.
 */
export async function setup(project: TestProject): Promise<void> {
  // Each execution environment is a thread that listens to both.
  for (const stream of [process.stdout, process.stderr]) stream.setMaxListeners(0);
  project.provide('sharedStackDoor', `http://127.0.0.1:${await listenOnLoopback(door)}`);
}

export async function teardown(): Promise<void> {
  await closeServer(door);
  await (await stack?.catch(() => undefined))?.stop();
}

async function start(): Promise<Stack> {
  const { startStack } = await import('#localstack/stack.ts');
  return await startStack({ maxEnvironments, environment: { RATE_LIMITS: JSON.stringify(UNTHROTTLED) } });
}
