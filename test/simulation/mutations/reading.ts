import type { Mutation } from './mutation.ts';

const reading = 'shared/reading/read-messages.ts';
const mailboxes = 'shared/mailboxes/mailboxes.dynamodb.ts';
const positionsTest = 'shared/mailboxes/positions.test.ts';
const reconnectTest = 'shared/resume/reconnect.test.ts';
const holesTest = 'shared/reading/read-holes.test.ts';

/** Reconnects, history, positions. */
export const readings: readonly Mutation[] = [
  {
    guard: 'reconnect reads the mailboxes after its row says ready',
    file: 'shared/resume/reconnect.ts',
    find: 'const isOpen = await withinLimits(',
    replace: 'const early = await mailboxes.all(actor.userId);\n    const isOpen = await withinLimits(',
    and: {
      find: 'findBehind(request, await mailboxes.all(actor.userId, skip))',
      replace: 'findBehind(request, early)',
    },
    test: reconnectTest,
  },
  {
    guard: 'nobody moves over a hole',
    file: reading,
    find: 'const through = young === undefined ? range.to : young - 1;',
    replace: 'const through = range.to;',
    test: holesTest,
  },
  {
    guard: 'a hole is looked at again',
    ...{
      file: reading,
      find: 'asking(policies.holes,',
      replace: 'asking({ ...policies.holes, attempts: 1 },',
      test: holesTest,
    },
  },
  {
    guard: 'a hole before what is old is skipped',
    file: reading,
    find: 'clock.now() - sentAt < settledMs;',
    replace: 'clock.now() - sentAt < Number.POSITIVE_INFINITY;',
    test: reconnectTest,
  },
  {
    guard: 'an old message that does not open holds nothing up',
    file: reading,
    find: 'if (own !== undefined && !isYoung(own, clock)) continue;',
    replace: '',
    test: holesTest,
  },
  {
    guard: 'a hole at the end of a range is as old as what comes after it',
    file: reading,
    find: 'if (!next && to < lastSeq) above',
    replace: 'if (!next && to > lastSeq) above',
    test: holesTest,
  },
  {
    guard: 'a conversation whose head is not visible yet is not passed over',
    file: 'shared/resume/drain-conversations.ts',
    find: 'leftOut ||= isYoung(lastMessageAt, clock);',
    replace: '',
    test: reconnectTest,
  },
  {
    guard: 'a drain ends with its token',
    file: 'shared/resume/drain-conversations.ts',
    find: 'const stopAt = Math.min(clock.now() + drainMs, expiresAt);',
    replace: 'const stopAt = Math.min(clock.now() + drainMs, expiresAt + drainMs);',
    test: reconnectTest,
  },
  {
    guard: 'the messages of a range are put in order',
    file: reading,
    find: '.sort((one, other) => bySeq(one.stored, other.stored))',
    replace: '',
    test: 'shared/reading/read-tiers.test.ts',
  },
  {
    guard: 'the pages of a drain are awaited, one after the other',
    file: 'shared/resume/drain-pages.ts',
    find: "if (page.length > 0) await send({ type: 'reconnect.page', messages: page });",
    replace: "if (page.length > 0) send({ type: 'reconnect.page', messages: page }).catch(() => {});",
    test: reconnectTest,
  },
  {
    guard: 'a drain that did not get through says that there is more',
    file: 'shared/resume/drain-conversations.ts',
    find: 'await pager.finish(!complete || ahead.hasLeftOut());',
    replace: 'await pager.finish(false);',
    test: reconnectTest,
  },
  {
    guard: 'what a tier has is not believed before it opens',
    file: reading,
    find: 'const unreadable = await openAll(conversation, entries, found);',
    replace: `const unreadable: number[] = [];
      for (const stored of entries) {
        const content = await dependencies.cipher.open(stored, conversation.keySalt, stored.ciphertext);
        found.set(stored.seq, { stored, content });
      }`,
    test: 'shared/reading/read-tiers.test.ts',
  },
  {
    guard: 'an entry of the cache is one for its place',
    file: 'shared/cache/message-entry.ts',
    find: 'return isInItsPlace ? message : undefined;',
    replace: 'return message ?? (isInItsPlace ? message : undefined);',
    test: 'shared/cache/message-entry.test.ts',
  },
  {
    guard: 'updates of a mailbox are retried after a conflict',
    file: mailboxes,
    find: "return errorName(error) === 'TransactionConflictException';",
    replace: "return errorName(error) === '';",
    test: positionsTest,
  },
  {
    guard: 'a position stays below the end, and makes no row',
    ...{ file: mailboxes, find: 'lastSeq >= :seq AND ', replace: '', test: positionsTest },
  },
  {
    guard: 'a position only moves forward',
    file: mailboxes,
    find: 'OR ${position} < :seq)',
    replace: 'OR ${position} <> :seq)',
    test: positionsTest,
  },
  {
    guard: 'reading never takes an arrival back',
    file: mailboxes,
    find: "`${isBehind('readSeq')} AND ${isBehind('deliveredSeq')}`",
    replace: "isBehind('readSeq')",
    test: positionsTest,
  },
  {
    guard: 'a read beyond the end is refused before it is counted',
    file: 'shared/mailboxes/mark-read.ts',
    find: 'if (seq > mailbox.lastSeq) throw beyondEnd();',
    replace: '',
    test: positionsTest,
  },
  {
    guard: 'history wants a mailbox that is visible',
    file: 'shared/reading/read-history.ts',
    find: 'if (!mailbox || !conversation) throw notFound();',
    replace: 'if (!conversation) throw notFound();',
    test: 'shared/reading/read-holes.test.ts',
  },
  {
    guard: 'a conversation is for those whom its id was made from, whatever a mailbox says',
    file: 'shared/log/conversation-log.dynamodb.ts',
    find: 'if (!isMember(identity, memberId)) continue;',
    replace: '',
    test: 'shared/strangers.test.ts',
  },
];
