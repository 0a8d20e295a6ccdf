import type { Client } from '#test/contract/support/client.ts';
import type { Frame } from '#test/contract/support/inbox.ts';
import { newUser, type ProbeWorld, said } from './probe-world.ts';

/**
 * The smallest exchange that needs a grant, and what comes of it in a word. It holds nothing back from an earlier one:
 * its conversations are new, and where a function remembers what it once read, it is started anew.
 */
export interface Probe {
  readonly exchange: () => Promise<string>;
  readonly granted: string;
  readonly denied: string;
}

/** By their lines in `test/infra/permissions.snapshot.txt`, each behind the function's name. */
export type Probes = Readonly<Record<string, Probe>>;

export const postLine = (name: string) =>
  `${name} may execute-api:ManageConnections on MessagingApi/v1/POST/@connections/*`;
export const deleteLine = (name: string) =>
  `${name} may execute-api:ManageConnections on MessagingApi/v1/DELETE/@connections/*`;

/** Probes that share an exchange. */
export function each(name: string, permissions: readonly string[], probe: Probe): Probes {
  return Object.fromEntries(permissions.map((permission) => [`${name} may ${permission}`, probe]));
}

/** Whether a push came. A pong comes after whatever was pushed before. */
export async function pushedTo(client: Client, type: string): Promise<string> {
  await client.request({ action: 'ping' });
  return client.pushes(type).length > 0 ? 'pushed' : 'not pushed';
}

/** Whether the exchange was charged to a limit whose row it found missing. */
export async function charge(
  { table }: ProbeWorld,
  key: string,
  exchange: () => Promise<unknown>,
): Promise<string> {
  await table.remove('TablesRateLimits', { key });
  await exchange();
  return (await table.get('TablesRateLimits', { key })) === undefined ? 'not charged' : 'charged';
}

/** Whether the row of a connection of `user` that is gone was removed. */
export async function forget(
  { addGoneConnection, table }: ProbeWorld,
  user: string,
  exchange: () => Promise<unknown>,
): Promise<string> {
  const gone = await addGoneConnection(user);
  await exchange();
  return (await table.get('TablesConnections', gone)) === undefined ? 'removed' : 'left';
}

/** What a connection is told whose token has expired, and what comes of it then. */
export async function outlive({ expired }: ProbeWorld, frame: Frame): Promise<string> {
  const client = await expired();
  client.sendText(JSON.stringify(frame));
  return `${await nextOf(client, 0)}, ${await nextOf(client, 1)}`;
}

/** The frame of this index in a word, or that the connection was closed before it. */
export async function nextOf(client: Client, index: number): Promise<string> {
  try {
    return said(await client.waitFor(() => true, 'an answer or the end', index));
  } catch (error) {
    if (client.isOpen()) throw error;
    return 'closed';
  }
}

/** A sender with a connection of its own, and its first message to somebody. */
export async function firstMessage({ open }: ProbeWorld, recipientId = newUser('bob')) {
  const sender = await open(newUser('alice'));
  const sent = await sender.request({ action: 'send', recipientId, content: 'hello' });
  if (sent.type !== 'message.sent') throw new Error(`The first message was answered ${said(sent)}.`);
  const { senderId, conversationId, messageId } = sent.message as Record<
    'senderId' | 'conversationId' | 'messageId',
    string
  >;
  return { sender, senderId, recipientId, conversationId, messageId };
}
