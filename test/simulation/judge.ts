import { parseReference } from '#shared/delivery/delivery-queue.ts';
import { type Conversation, otherMember } from '#shared/log/conversation.ts';
import type { StoredMessage } from '#shared/log/message.ts';
import { check } from '#test/contract/history/check.ts';
import { secretWord } from './client/perform.ts';
import type { ClientRecord, Finding } from './client/record.ts';
import { judgeOpened, type Restore, sinceRestore } from './restore.ts';
import type { makeWorld } from './world.ts';

type World = ReturnType<typeof makeWorld>;

/** Every promise, from what the clients have seen; then what only somebody behind the scenes can see. */
export function judge(recorded: ClientRecord, world: World, restore?: Restore): Finding[] {
  if (restore === 'opened')
    return [
      ...judgeOpened(recorded),
      // Places that were left empty are no gap.
      ...recorded.findings.filter(({ rule }) => rule !== 'gap'),
      ...world.findings,
      ...checkAtRest(world),
    ];
  const record = restore ? sinceRestore(recorded) : recorded;
  const byClients = check(record.events).map(({ rule, detail }) => ({ rule: rule as string, detail }));
  return [
    ...byClients,
    ...record.findings,
    ...world.findings,
    ...checkSentOnce(record),
    ...checkStandings(record),
    ...checkBlocks(record),
    ...checkTimes(record),
    ...checkAtRest(world),
  ];
}

const finalsOf = ({ events }: ClientRecord) => events.filter((event) => event.kind === 'final');

/** A send without clientMessageId is no more than one message either. */
function checkSentOnce(record: ClientRecord): Finding[] {
  return finalsOf(record).flatMap(({ user, conversationId, messages }) => {
    const contents = new Set(messages.map(({ senderId, content }) => `${senderId} ${content}`));
    if (contents.size === messages.length) return [];
    return [{ rule: 'duplicate', detail: `${user} finds the same send twice in ${conversationId}` }];
  });
}

/** The numbers of `conversations` agree with the log and with what was acknowledged. */
function checkStandings(record: ClientRecord): Finding[] {
  const finals = finalsOf(record);
  return record.standings.flatMap(
    ({ user, askedAt, conversationId, lastSeq, deliveredSeq, readSeq, unread }) => {
      const messages =
        finals.find((one) => one.user === user && one.conversationId === conversationId)?.messages ?? [];
      // Another device of the same user may acknowledge more afterwards.
      const acks = record.events
        .slice(0, askedAt)
        .filter((event) => event.kind === 'ack' && event.user === user);
      const highest = (confirmed: boolean) =>
        Math.max(
          0,
          ...acks.map((ack) =>
            ack.kind === 'ack' && ack.confirmed === confirmed ? (ack.positions[conversationId] ?? 0) : 0,
          ),
        );
      const others = messages.filter(({ senderId, seq }) => senderId !== user && seq > readSeq).length;
      const isRight =
        lastSeq === messages.length &&
        deliveredSeq >= highest(true) &&
        deliveredSeq <= highest(false) &&
        readSeq <= deliveredSeq &&
        unread === others;
      if (isRight) return [];
      const numbers = JSON.stringify({ lastSeq, deliveredSeq, readSeq, unread });
      const truth = `${messages.length} messages, ${others} unread, acknowledged ${highest(true)} to ${highest(false)}`;
      return [{ rule: 'numbers', detail: `${user} in ${conversationId}: ${numbers}, but ${truth}` }];
    },
  );
}

/** What was sent under a confirmed block is not there; who was refused had been blocked. */
function checkBlocks(record: ClientRecord): Finding[] {
  const committed = new Set(
    finalsOf(record).flatMap(({ messages }) => messages.map(({ content }) => content)),
  );
  return record.sends.flatMap(
    ({ name, user, to, content, begun, ended = Number.POSITIVE_INFINITY, wasForbidden }) => {
      const between = record.relationships.filter(
        ({ owner, other }) => (owner === user && other === to) || (owner === to && other === user),
      );
      const blocks = between.filter(({ kind }) => kind === 'block');
      const unblocked = new Set(
        between
          .filter((change) => change.kind === 'unblock' && change.begun <= ended)
          .map(({ owner }) => owner),
      );
      const isBlocked = blocks.some(
        ({ owner, confirmed = Number.POSITIVE_INFINITY }) => confirmed < begun && !unblocked.has(owner),
      );
      // Another attempt may have come before the block, or after it was lifted.
      const isRepeated = record.sends.filter((other) => other.name === name).length > 1;
      if (isBlocked && !isRepeated && committed.has(content))
        return [
          {
            rule: 'blocked',
            detail: `${name} from ${user} to ${to} is there, although it began under a block`,
          },
        ];
      if (wasForbidden && wasConfirmed(record, user, name, begun))
        return [{ rule: 'blocked', detail: `${name} from ${user} was confirmed, and then forbidden` }];
      if (wasForbidden && !blocks.some((block) => block.begun <= ended))
        return [{ rule: 'blocked', detail: `${name} from ${user} to ${to} was forbidden without a block` }];
      return [];
    },
  );
}

function wasConfirmed({ events }: ClientRecord, user: string, name: string, before: number): boolean {
  return events
    .slice(0, before)
    .some((event) => event.kind === 'sent' && event.user === user && event.clientMessageId === name);
}

/** A message is never older than the one before it, however the clocks differ. */
function checkTimes(record: ClientRecord): Finding[] {
  return finalsOf(record).flatMap(({ conversationId, messages }) =>
    messages.some(({ sentAt }, index) => sentAt < (messages[index - 1]?.sentAt ?? ''))
      ? [{ rule: 'order', detail: `sentAt goes back in ${conversationId}` }]
      : [],
  );
}

/** No content in the database, in the queue or in a notification. */
function checkAtRest({ dynamodb, queue, events }: World): Finding[] {
  const texts = [...queue.sent, ...events.details];
  for (const [, item] of dynamodb().rows.all())
    for (const value of Object.values(item))
      texts.push(value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value));
  return texts.some((text) => text.includes(secretWord))
    ? [{ rule: 'privacy', detail: 'content lies in the clear' }]
    : [];
}

/**
 * Before anybody comes back: each message was acknowledged, or its recipient notified, also where a dead connection took
 * the push. Excused are those whose witness never got into the queue, or was given up there.
 */
export function judgeWitnesses({ dynamodb, queue, events, witnesses }: World, isCalm: boolean): Finding[] {
  const referenceOf = (body: string) => {
    const { conversationId, seq, messageId } = parseReference(body);
    return `${conversationId} ${seq} ${messageId}`;
  };
  const witnessed = new Set(queue.sent.map(referenceOf));
  const attempted = new Set(witnesses.map(referenceOf));
  const givenUp = new Set(queue.dead.map(({ body }) => referenceOf(body)));
  const notified = new Set(events.details.map(referenceOf));
  const rows = [...dynamodb().rows.all()];
  const findings: Finding[] = [];
  for (const [table, item] of rows) {
    if (table !== 'messages') continue;
    const { conversationId, seq, messageId, senderId } = item as unknown as StoredMessage;
    const reference = `${conversationId} ${seq} ${messageId}`;
    const conversation = dynamodb().rows.slot('conversations', { conversationId })
      .item as unknown as Conversation;
    const userId = otherMember(conversation, senderId) ?? '';
    const mailbox = dynamodb().rows.slot('mailboxes', { userId, conversationId }).item;
    if (Number(mailbox?.deliveredSeq ?? 0) >= seq || notified.has(reference)) continue;
    // Its request was made and got lost, which is excused; never made, it is not.
    if (attempted.has(reference) && !witnessed.has(reference) && !isCalm) continue;
    if (givenUp.has(reference)) continue;
    findings.push({
      rule: 'witness',
      detail: `nobody told ${userId} of ${reference}`,
    });
  }
  return findings;
}
