import type { ReplyTo, Requests } from '#shared/actions.ts';
import type { RateLimiter } from '#shared/limits/rate-limiter.ts';
import { refuseOverLimit } from '#shared/limits/refusals.ts';
import type { ConversationLog } from '#shared/log/conversation-log.ts';
import { hourOf, unreadCount } from '#shared/mailboxes/mailbox.ts';
import { badRequest } from '#shared/protocol/fields.ts';
import { limits } from '#shared/protocol/limits.ts';
import { fitting, roomIn } from '#shared/protocol/pages.ts';
import { type ConversationSummary, replyFrame } from '#shared/protocol/replies.ts';
import { isYoung } from '#shared/reading/read-messages.ts';
import type { Call } from '#shared/runtime/call.ts';
import type { Clock } from '#shared/runtime/clock.ts';
import { DependencyFailure, type OnUnfit } from '#shared/runtime/failures.ts';
import { passOver, type Telemetry } from '#shared/runtime/telemetry.ts';
import type { Mailboxes, MailboxNumbers } from './mailboxes.ts';

export interface ListConversationsDependencies {
  readonly mailboxes: Mailboxes;
  readonly log: ConversationLog;
  readonly limiter: RateLimiter;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Where a page ends: the next one begins with what is older. */
type Cursor = Pick<MailboxNumbers, 'lastMessageAt' | 'conversationId'>;

/** The user's conversations, newest first. */
export function makeListConversations(dependencies: ListConversationsDependencies) {
  const { mailboxes, log, limiter, clock, telemetry } = dependencies;
  const skip = passOver(telemetry);

  return async (
    request: Requests['conversations'],
    { actor, requestId, charges }: Call,
  ): Promise<ReplyTo<'conversations'>> => {
    // Not side by side: an hour in which everything was active is read whole, and that is too much for a refused request.
    await refuseOverLimit(limiter, charges);
    const after = request.cursor === undefined ? undefined : decodeCursor(request.cursor);
    const limit = request.limit ?? limits.conversationsDefault;
    // One more than the page holds tells whether it is the last.
    const rest = await readOlder(mailboxes, actor.userId, limit + 1, after, skip);
    const page = rest.slice(0, limit);
    const unfit = new Set<unknown>();
    const identities = await log.identities(
      actor.userId,
      page.map(({ conversationId }) => conversationId),
      (failure) => {
        unfit.add(failure.key.conversationId);
        skip(failure);
      },
    );
    const mayStillCome = ({ conversationId, lastMessageAt }: MailboxNumbers) =>
      !identities.has(conversationId) && !unfit.has(conversationId) && isYoung(lastMessageAt, clock);
    if (page.some(mayStillCome))
      throw new DependencyFailure('A conversation of this page is not visible yet.');
    const summaries = page.map((mailbox) =>
      summarize(mailbox, identities.get(mailbox.conversationId)?.members ?? [actor.userId]),
    );

    const longestCursor = encodeCursor({
      lastMessageAt: Number.MAX_SAFE_INTEGER,
      conversationId: 'x'.repeat(43),
    });
    const empty = { type: 'conversations.page', conversations: [], cursor: longestCursor } as const;
    const kept = fitting(summaries, roomIn(replyFrame(empty, requestId)));
    const last = page[kept.length - 1];
    const cursor = last && kept.length < rest.length ? { cursor: encodeCursor(last) } : {};
    return { type: 'conversations.page', conversations: kept, ...cursor };
  };
}

/** What comes after the cursor, newest first: at least `atLeast` of them, or all that there are. */
async function readOlder(
  mailboxes: Mailboxes,
  userId: string,
  atLeast: number,
  after: Cursor | undefined,
  onUnfit: OnUnfit,
): Promise<MailboxNumbers[]> {
  const recent = await mailboxes.recent(userId, atLeast, after && hourOf(after.lastMessageAt), onUnfit);
  return recent.filter((mailbox) => !after || newestFirst(after, mailbox) < 0).sort(newestFirst);
}

function newestFirst(one: Cursor, other: Cursor): number {
  return (
    other.lastMessageAt - one.lastMessageAt ||
    Number(one.conversationId > other.conversationId) - Number(one.conversationId < other.conversationId)
  );
}

function summarize(mailbox: MailboxNumbers, members: readonly string[]): ConversationSummary {
  const { conversationId, lastSeq, deliveredSeq, readSeq, lastMessageAt } = mailbox;
  return {
    conversationId,
    members,
    lastSeq,
    deliveredSeq,
    readSeq,
    unread: unreadCount(mailbox),
    lastMessageAt: new Date(lastMessageAt).toISOString(),
  };
}

function encodeCursor({ lastMessageAt, conversationId }: Cursor): string {
  return Buffer.from(`${lastMessageAt} ${conversationId}`).toString('base64url');
}

function decodeCursor(cursor: string): Cursor {
  const match = /^(\d{1,16}) ([A-Za-z0-9_-]{43})$/.exec(Buffer.from(cursor, 'base64url').toString());
  const decoded = { lastMessageAt: Number(match?.[1]), conversationId: match?.[2] ?? '' };
  // Reading base64 passes over what is none: only the very text that was given out comes back.
  if (!match || encodeCursor(decoded) !== cursor)
    throw badRequest('"cursor" is not one of ours.', 'Give back the cursor of the page before, or none.');
  return decoded;
}
