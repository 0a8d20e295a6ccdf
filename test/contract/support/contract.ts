import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, inject, test as vitestTest } from 'vitest';
import { attempt, type Client, type Handshake, type HandshakeOptions } from './client.ts';
import { readDeviations, unknownDeviations } from './deviations.ts';
import { isRemote, openTarget, type RateLimits, type Target, UNTHROTTLED } from './target.ts';

const TEST_TIMEOUT_MS = 120_000;
const STACK_TIMEOUT_MS = 120_000;
const MAX_CONNECT_WAITS = 20;

export interface ContractOptions {
  readonly limits?: RateLimits;
  /** Whether the tests need a stack that they have started themselves. */
  readonly ownStackOnly?: boolean;
}

export interface Contract {
  /** Registers a test; one that POSTRIDER_DEVIATIONS lists is expected to fail. */
  test(name: string, run: () => Promise<void>, timeoutMs?: number): void;
  target(): Target;
  /** Tries a handshake; what opens is closed after the test. */
  handshake(options: HandshakeOptions): Promise<Handshake>;
  /** A connection of `user` that has not sent its first `reconnect` yet. */
  open(user: string, ttl?: number): Promise<Client>;
  /** A connection of `user` that receives pushes. */
  live(user: string, ttl?: number): Promise<Client>;
}

/** A user id that no other test and no other run has. */
export function newUser(name = 'user'): string {
  return `${name}-${randomBytes(6).toString('hex')}`;
}

/** Both ways of showing a token. */
export const asSubprotocol = (token: string): HandshakeOptions => ({
  protocols: ['postrider.v1', `bearer.${token}`],
});
export const asHeader = (token: string): HandshakeOptions => ({
  headers: { Authorization: `Bearer ${token}` },
});

/** Long enough for a push that should not come to have come; only ever used besides a fence. Milliseconds. */
export async function settle(ms = 300): Promise<void> {
  await sleep(ms);
}

function makeConnections(target: () => Target) {
  const clients: Client[] = [];

  async function handshake(options: HandshakeOptions): Promise<Handshake> {
    const result = await attempt(target().url, options);
    if (result.opened) {
      clients.push(result.client);
    }
    return result;
  }

  async function open(user: string, ttl?: number): Promise<Client> {
    for (let waits = 0; ; waits += 1) {
      const result = await handshake(asSubprotocol(await target().token(user, ttl)));
      if (result.opened) {
        return result.client;
      }
      if (result.status !== 429 || waits === MAX_CONNECT_WAITS) {
        throw new Error(`the handshake of ${user} was refused with ${result.status}`);
      }
      await sleep(1000 * Number(result.headers['retry-after'] ?? 1));
    }
  }

  async function live(user: string, ttl?: number): Promise<Client> {
    const client = await open(user, ttl);
    const reply = await client.request({ action: 'reconnect', positions: {}, only: true });
    expect(reply.type).toBe('reconnect.done');
    return client;
  }

  /** Closes what is open, and gives what the server did wrong on it. */
  async function closeAll(): Promise<string[]> {
    const done = clients.splice(0);
    await Promise.all(done.map((client) => client.close()));
    return done.flatMap((client) => [...client.violations]);
  }

  return { handshake, open, live, closeAll };
}

/** A section of the contract: its place to test, its connections and its tests. Call it once per file. */
export function contract(section: string, options: ContractOptions = {}): Contract {
  const deviations = readDeviations();
  const registered = new Set<string>();
  let running: Target | undefined;
  const target = () => {
    if (!running) {
      throw new Error('the place to test has not been opened');
    }
    return running;
  };
  const { handshake, open, live, closeAll } = makeConnections(target);
  const skip = options.ownStackOnly === true && isRemote;

  beforeAll(async () => {
    expect(unknownDeviations(deviations, section, registered), 'deviations that name no test').toEqual([]);
    running = await openTarget('limits' in options ? options.limits : UNTHROTTLED, inject('sharedStackDoor'));
  }, STACK_TIMEOUT_MS);
  afterAll(async () => await running?.stop(), STACK_TIMEOUT_MS);

  function test(name: string, run: () => Promise<void>, timeout = TEST_TIMEOUT_MS): void {
    const fullName = `${section} > ${name}`;
    registered.add(fullName);
    vitestTest(fullName, { timeout, fails: deviations.has(fullName), skip }, async () => {
      let violations: string[] = [];
      try {
        await run();
      } finally {
        violations = await closeAll();
      }
      expect(violations, 'what no server may send').toEqual([]);
    });
  }

  return { test, target, handshake, open, live };
}
