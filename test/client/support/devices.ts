import { randomBytes } from 'node:crypto';
import { expect, vi } from 'vitest';
import type { Message } from '#shared/protocol/replies.ts';
import { type Client, type ClientEvents, createClient } from '../../../client/client.ts';
import type { ClientOptions } from '../../../client/options.ts';

/** A client with everything that it has told. */
export interface Device {
  readonly user: string;
  readonly client: Client;
  readonly messages: Message[];
  readonly states: ClientEvents['state'][];
  readonly receipts: ClientEvents['receipt'][];
  readonly gaps: ClientEvents['gap'][];
  readonly errors: ClientEvents['error'][];
}

export interface Place {
  readonly url: string;
  token(user: string, ttlSeconds?: number): Promise<string>;
}

/** A device of `user` that connects, with `positions` {} by default: it wants everything that there is. */
export function openDevice(place: Place, user: string, options: Partial<ClientOptions> = {}): Device {
  const client = createClient({
    url: place.url,
    getToken: () => place.token(user),
    positions: {},
    ...options,
  });
  const device: Device = { user, client, messages: [], states: [], receipts: [], gaps: [], errors: [] };
  client.on('message', (message) => device.messages.push(message));
  client.on('state', (change) => device.states.push(change));
  client.on('receipt', (receipt) => device.receipts.push(receipt));
  client.on('gap', (gap) => device.gaps.push(gap));
  client.on('error', (error) => device.errors.push(error));
  client.connect();
  return device;
}

/** A user id that no other test has. */
export function newUser(name: string): string {
  return `${name}-${randomBytes(6).toString('hex')}`;
}

/** Waits until `check` no longer throws. Generous: machines are busy. */
export async function eventually(check: () => void): Promise<void> {
  await vi.waitFor(check, { timeout: 40_000, interval: 25 });
}

export async function connected({ client }: Device): Promise<void> {
  await eventually(() => expect(client.state()).toBe('connected'));
}

export const contents = ({ messages }: Device) => messages.map(({ content }) => content);
export const seqs = ({ messages }: Device) => messages.map(({ seq }) => seq);
