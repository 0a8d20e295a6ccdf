import { makeListConversations } from '#shared/mailboxes/list-conversations.ts';
import { hourOf } from '#shared/mailboxes/mailbox.ts';
import type { Mailboxes, MailboxNumbers } from '#shared/mailboxes/mailboxes.ts';
import { ProtocolError } from '#shared/protocol/errors.ts';
import { silentTelemetry } from '#test/support/telemetry.ts';
import { type FuzzTarget, hold, textOf } from '../target.ts';

const sent = Date.UTC(2026, 0);
/** Conversations of one user, several in each moment. */
const mailboxes: readonly MailboxNumbers[] = Array.from({ length: 9 }, (_, index) => ({
  userId: 'alice',
  conversationId: String(index).repeat(43),
  lastSeq: 1,
  deliveredSeq: 0,
  readSeq: 0,
  lastMessageAt: sent - Math.floor(index / 3) * 3_600_000,
  sentCount: 0,
  sentCountAtRead: 0,
}));
const asked: string[] = [];
const recent: Mailboxes['recent'] = async (userId, _atLeast, fromHour = Number.MAX_SAFE_INTEGER) => {
  asked.push(userId);
  hold(Number.isSafeInteger(fromHour), 'an hour that is no key of a table');
  return mailboxes.filter(({ lastMessageAt }) => hourOf(lastMessageAt) <= fromHour);
};
const list = makeListConversations({
  mailboxes: { recent } as Mailboxes,
  log: { identities: async () => new Map() } as never,
  limiter: {
    take: async () => ({ allowed: true }),
    lastKnown: () => ({ allowed: true }),
    hold: async () => ({ allowed: true, release: async () => {} }),
  },
  // Long after all that was sent.
  clock: { now: () => Number.MAX_SAFE_INTEGER, sleep: async () => {} },
  telemetry: silentTelemetry,
});
const call = { actor: { userId: 'alice', address: '192.0.2.1', expiresAt: 1 }, charges: [] };

async function page(cursor: string | undefined) {
  const request = { action: 'conversations' as const, limit: 2, ...(cursor !== undefined && { cursor }) };
  const reply = await list(request, call);
  hold(reply.type === 'conversations.page', 'no page');
  return reply;
}
const { cursor: right = '' } = await page(undefined);

/** A cursor: a place in the caller's own list, from which the pages lead to its end, or `bad_request`. */
export const target: FuzzTarget = {
  files: ['shared/mailboxes/list-conversations.ts'],
  // Decoded: `run` encodes what it is given, so that a mutation meets what the cursor says.
  seeds: [
    Buffer.from(right, 'base64url').toString(),
    `9999999999999999 ${'z'.repeat(43)}`,
    `0 ${'-'.repeat(43)}`,
  ],
  words: [' ', '0', '9999999999999999', '-', '\n'],
  async run(input) {
    for (const given of [textOf(input), Buffer.from(input).toString('base64url')]) {
      asked.length = 0;
      const listed: string[] = [];
      for (let cursor: string | undefined = given; cursor !== undefined; ) {
        const reply = await pageOrRefusal(cursor);
        listed.push(...(reply?.conversations ?? []).map(({ conversationId }) => conversationId));
        hold(new Set(listed).size === listed.length, 'a conversation twice');
        cursor = reply?.cursor;
        hold(cursor === undefined || reply?.conversations.length === 2, 'pages without an end');
      }
      hold(
        asked.every((userId) => userId === 'alice'),
        'a list of somebody else',
      );
    }
  },
};

async function pageOrRefusal(cursor: string) {
  try {
    return await page(cursor);
  } catch (error) {
    hold(error instanceof ProtocolError && error.code === 'bad_request', `a defect: ${error}`);
    return undefined;
  }
}
