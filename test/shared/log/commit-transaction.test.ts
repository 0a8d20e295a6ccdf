import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Commit } from '#shared/log/conversation-log.ts';
import { noRecentSends } from '#shared/log/recent-sends.ts';
import { startWorld, type World } from '#test/support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

function firstMessage(conversationId: string): Commit {
  const place = { conversationId, seq: 1, messageId: `id of ${conversationId}`, senderId: 'alice' };
  return {
    message: { ...place, senderCount: 1, sentAt: Date.now(), ciphertext: new Uint8Array(50) },
    conversation: { conversationId, members: ['alice', 'bob'], keySalt: new Uint8Array(32) },
    recipientId: 'bob',
    recentSends: noRecentSends,
  };
}

test.for([
  ['the conversation', 'conversations', {}],
  ['the mailbox of its sender', 'mailboxes', { userId: 'alice' }],
  ['the mailbox of its recipient', 'mailboxes', { userId: 'bob' }],
] as const)('a place that only %s shows as taken is taken', async ([, table, key]) => {
  const conversationId = `taken ${Object.values(key)} ${table}`;
  const { client, tableNames } = world.dynamodb;
  const Item = { ...key, conversationId, lastSeq: 1, lastMessageAt: 1 };
  await client.send(new PutCommand({ TableName: tableNames[table], Item }));
  const { log } = world.environment();

  const outcome = await log.commit(firstMessage(conversationId), Date.now() + 5_000);

  expect(outcome.committed).toBe(false);
  expect(await log.messages(conversationId, 1, 10)).toStrictEqual([]);
});
