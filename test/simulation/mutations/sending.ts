import type { Mutation } from './mutation.ts';

const send = 'shared/log/send-message.ts';
const log = 'shared/log/conversation-log.dynamodb.ts';
const commit = 'shared/log/commit-transaction.dynamodb.ts';
const cancellation = 'shared/log/cancellation.dynamodb.ts';
const duplicate = 'shared/log/find-duplicate.ts';

const sendTest = 'shared/log/send-message.test.ts';
const outcomeTest = 'shared/log/unknown-outcome.test.ts';
const racesTest = 'shared/log/lost-races.test.ts';
const guardsTest = 'shared/log/send-guards.test.ts';
const conditionsTest = 'shared/log/commit-transaction.test.ts';

const headCondition = `{ ...head.values, ...previous },
          ...nobodyCameBetween,`;
const senderCondition = `{ ...senderMailbox.values, ...previous },
          ...nobodyCameBetween,`;
const recipientCondition = `{ ...recipientMailbox.values, ...previous },
          ...nobodyCameBetween,`;
const without = (text: string) => text.replace('          ...nobodyCameBetween,', '');

/** From a send to its commit. */
export const sending: readonly Mutation[] = [
  {
    guard: 'the condition on the head',
    ...{ file: commit, find: headCondition, replace: without(headCondition), test: conditionsTest },
  },
  {
    guard: "the condition on the sender's mailbox",
    ...{ file: commit, find: senderCondition, replace: without(senderCondition), test: conditionsTest },
  },
  {
    guard: "the condition on the recipient's mailbox",
    ...{ file: commit, find: recipientCondition, replace: without(recipientCondition), test: conditionsTest },
  },
  {
    guard: 'the condition on all three rows',
    file: commit,
    find: `isFirst ? 'attribute_not_exists(lastSeq)' : 'lastSeq = :previousSeq'`,
    replace: `'attribute_not_exists(nothing)'`,
    test: sendTest,
  },
  {
    guard: 'a lost race looks for a duplicate again',
    file: send,
    find: 'const duplicate = await findDuplicate(',
    replace: 'const duplicate = attempt > 1 ? undefined : await findDuplicate(',
    test: sendTest,
  },
  {
    guard: 'rows of a batch that disagree are read again',
    file: log,
    find: 'if (head?.lastSeq !== mailbox?.lastSeq) return undefined;',
    replace: '',
    test: sendTest,
  },
  {
    guard: 'rows of a refusal that disagree are not believed',
    file: log,
    find: 'if (endsOfHeads.one(head).lastSeq !== endsOfMailboxes.one(senderMailbox).lastSeq) return undecided;',
    replace: '',
    test: racesTest,
  },
  {
    guard: 'unprocessed keys are asked for again',
    file: 'shared/aws/batch-get.ts',
    find: 'pending = UnprocessedKeys as typeof pending;',
    replace: 'pending = {} as typeof UnprocessedKeys as typeof pending;',
    test: sendTest,
  },
  {
    guard: 'duplicates are looked for at all',
    file: send,
    find: 'const duplicate = await findDuplicate(',
    replace: 'const duplicate = attempt > 0 ? undefined : await findDuplicate(',
    test: sendTest,
  },
  {
    guard: 'the stored clientMessageId decides, not the digest',
    file: duplicate,
    find: 'if (stored.clientMessageId !== clientMessageId) continue;',
    replace: '',
    test: sendTest,
  },
  {
    guard: 'the content of a repetition is compared',
    file: duplicate,
    find: 'if (sent === content)',
    replace: 'if (sent.length >= 0)',
    test: sendTest,
  },
  {
    guard: 'a duplicate is confirmed once the conversation and both mailboxes show it',
    file: log,
    find: 'found && grown.length === 1 + members.length ?',
    replace: 'found ?',
    test: outcomeTest,
  },
  {
    guard: 'blocked users may not send',
    file: send,
    find: 'if (blocked) throw forbidden();',
    replace: '',
    test: sendTest,
  },
  {
    guard: 'the duplicate comes before the relationship',
    file: send,
    find: '      const duplicate = await findDuplicate(',
    replace: '      if (blocked) throw forbidden();\n      const duplicate = await findDuplicate(',
    test: sendTest,
  },
  {
    guard: 'a duplicate runs the pushes again',
    file: send,
    find: 'return { ...(await tellAll(duplicate, [])), duplicate: true };',
    replace: `return {
        type: 'message.sent' as const,
        messageId: duplicate.message.messageId,
        message: viewMessage(duplicate.message, request.content, duplicate.conversation, session.userId),
        duplicate: true as const,
      };`,
    test: sendTest,
  },
  {
    guard: 'the request token',
    ...{ file: commit, find: 'ClientRequestToken: message.messageId,', replace: '', test: outcomeTest },
  },
  {
    guard: 'after an unknown outcome the same request goes out again',
    file: log,
    find: 'outcomeUnknown = true;',
    replace: 'return { committed: false, state: undefined };',
    test: outcomeTest,
  },
  {
    guard: 'after an unknown outcome only a failed condition ends it',
    file: log,
    find: 'if (lost && (lost.placeTaken || !outcomeUnknown))',
    replace: 'if (lost)',
    test: outcomeTest,
  },
  {
    guard: 'our own message in the place is recognised',
    file: log,
    find: 'outcomeUnknown && (await isOurs(entry))',
    replace: 'outcomeUnknown && false',
    test: outcomeTest,
  },
  {
    guard: 'a commit is repeated for contention and throttling alone',
    file: cancellation,
    find: "!reasons.every((reason) => contention.has(reason.Code ?? 'None'))",
    replace: 'false',
    test: sendTest,
  },
  {
    guard: 'the last request of a commit begins within 3 s',
    ...{
      file: send,
      find: 'policies.commit.withinMs',
      replace: 'policies.lostRace.withinMs',
      test: sendTest,
    },
  },
  {
    guard: 'a committed message is asked for until it is visible',
    ...{
      file: log,
      find: 'asking(policies.committedMessage,',
      replace: 'asking({ ...policies.committedMessage, attempts: 1 },',
      test: sendTest,
    },
  },
  {
    guard: 'time never goes back in a conversation',
    file: send,
    find: 'sentAt: Math.max(now, conversation?.lastMessageAt ?? 0),',
    replace: 'sentAt: now,',
    test: guardsTest,
  },
  {
    guard: 'every commit has a witness',
    file: send,
    find: 'leaveWitness(dependencies, commit),',
    replace: 'Promise.resolve(commit),',
    test: sendTest,
  },
  {
    guard: 'the witness leaves beside the commit, not after it',
    file: send,
    find: 'leaveWitness(dependencies, commit),',
    replace: 'Promise.resolve(commit),',
    and: { find: '// Step 4:', replace: 'await leaveWitness(dependencies, commit);\n      // Step 4:' },
    test: 'shared/counted-calls.test.ts',
  },
  {
    guard: 'a queue that hangs does not hold up the confirmation',
    file: send,
    find: 'await withinTime(clock, witnessMs, leaving, (error) => {',
    replace: 'await withinTime(clock, 60_000, leaving, (error) => {',
    test: guardsTest,
  },
];
