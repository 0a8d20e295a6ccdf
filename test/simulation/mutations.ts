interface Edit {
  readonly find: string;
  readonly replace: string;
}

/** One guard taken out of the product's source: wherever `find` stands, `replace` is what is left without it. */
export interface Mutation extends Edit {
  readonly guard: string;
  readonly file: string;
  readonly and?: Edit;
  /** Why no seed is expected to miss it, and what holds it instead. */
  readonly heldElsewhere?: string;
}

const send = 'shared/use-cases/send-message.ts';
const deliverNow = 'shared/use-cases/deliver-now.ts';
const reading = 'shared/use-cases/read-messages.ts';
const log = 'shared/adapters/dynamodb/conversation-log.ts';
const commit = 'shared/adapters/dynamodb/commit-transaction.ts';
const cipher = 'shared/adapters/kms/message-cipher.ts';
const mailboxes = 'shared/adapters/dynamodb/mailboxes.ts';

const headCondition = `keySalt }),
          },
          ...nobodyCameBetween,`;
const senderCondition = `':sentCount': message.senderCount,
          },
          ...nobodyCameBetween,`;
const recipientCondition = `ExpressionAttributeValues: mailboxGrown,
          ...nobodyCameBetween,`;
const without = (text: string) => text.replace('          ...nobodyCameBetween,', '');

/** The guards of ARCHITECTURE.md, "What makes it right", in its order. */
export const mutations: readonly Mutation[] = [
  { guard: 'the condition on the head', file: commit, find: headCondition, replace: without(headCondition) },
  {
    guard: "the condition on the sender's mailbox",
    file: commit,
    find: senderCondition,
    replace: without(senderCondition),
  },
  {
    guard: "the condition on the recipient's mailbox",
    file: commit,
    find: recipientCondition,
    replace: without(recipientCondition),
  },
  {
    guard: 'the condition on all three rows',
    file: commit,
    find: `isFirst ? 'attribute_not_exists(lastSeq)' : 'lastSeq = :previousSeq'`,
    replace: `'attribute_not_exists(nothing)'`,
  },
  {
    guard: 'a lost race looks for a duplicate again',
    file: send,
    find: 'const duplicate = await findDuplicate(',
    replace: 'const duplicate = attempt > 1 ? undefined : await findDuplicate(',
  },
  {
    guard: 'rows of a batch that disagree are read again',
    file: log,
    find: 'if (head?.lastSeq !== mailbox?.lastSeq) continue;',
    replace: '',
  },
  {
    guard: 'rows of a refusal that disagree are not believed',
    file: log,
    find: 'head !== undefined && head.lastSeq === senderMailbox?.lastSeq',
    replace: 'head !== undefined',
  },
  {
    guard: 'unprocessed keys are asked for again',
    file: 'shared/adapters/dynamodb/batch-get.ts',
    find: 'pending = UnprocessedKeys as typeof pending;',
    replace: 'pending = {} as typeof UnprocessedKeys as typeof pending;',
  },
  {
    guard: 'duplicates are looked for at all',
    file: send,
    find: 'const duplicate = await findDuplicate(',
    replace: 'const duplicate = attempt > 0 ? undefined : await findDuplicate(',
  },
  {
    guard: 'the stored clientMessageId decides, not the digest',
    file: 'shared/use-cases/find-duplicate.ts',
    find: 'if (stored.clientMessageId !== clientMessageId) continue;',
    replace: '',
    heldElsewhere: 'two of 2^48 digests never meet by chance; send-message.test.ts makes them',
  },
  {
    guard: 'the duplicate comes before the relationship',
    file: send,
    find: '      const duplicate = await findDuplicate(',
    replace: '      if (blocked) throw forbidden();\n      const duplicate = await findDuplicate(',
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
  },
  { guard: 'the request token', file: commit, find: 'ClientRequestToken: message.messageId,', replace: '' },
  {
    guard: 'after an unknown outcome the same request goes out again',
    file: log,
    find: 'outcomeUnknown = true;',
    replace: 'return { committed: false, state: undefined };',
  },
  {
    guard: 'our own message in the place is recognised',
    file: log,
    find: 'outcomeUnknown && (await isOurs(entry.message))',
    replace: 'outcomeUnknown && false',
  },
  {
    guard: 'every commit has a witness',
    file: send,
    find: 'leaveWitness(dependencies, commit),',
    replace: 'Promise.resolve(commit),',
  },
  {
    guard: 'the witness leaves beside the commit, not after it',
    file: send,
    find: 'leaveWitness(dependencies, commit),',
    replace: 'Promise.resolve(commit),',
    and: { find: '// Step 4:', replace: 'await leaveWitness(dependencies, commit);\n      // Step 4:' },
  },
  {
    guard: 'the second look-up of connections, after the commit',
    file: deliverNow,
    find: "...conversation.members.map(async (member) => tell(await connections.of(member, 'strong'))),",
    replace: '',
  },
  {
    guard: 'the second look-up is consistent',
    file: deliverNow,
    find: "connections.of(member, 'strong')",
    replace: "connections.of(member, 'eventual')",
  },
  {
    guard: 'a connection that is not open yet is looked at again',
    file: deliverNow,
    find: 'isOpen(one, clock) && !told.has',
    replace: '!told.has',
  },
  {
    guard: 'reconnect reads the mailboxes after its row says ready',
    file: 'shared/use-cases/reconnect.ts',
    find: 'const [, isOpen] = await sideBySide(',
    replace: 'const early = await mailboxes.all(session.userId);\n    const [, isOpen] = await sideBySide(',
    and: {
      find: 'findBehind(request, await mailboxes.all(session.userId))',
      replace: 'findBehind(request, early)',
    },
  },
  {
    guard: 'nobody moves over a hole',
    file: reading,
    find: 'const through = open === undefined ? to : open - 1;',
    replace: 'const through = to;',
  },
  {
    guard: 'a hole is looked at again',
    file: reading,
    find: 'const holeAttempts = 3;',
    replace: 'const holeAttempts = 1;',
    heldElsewhere: 'it saves the client a round trip (`more`), and loses nothing without it',
  },
  {
    guard: 'a committed message is asked for until it is visible',
    file: log,
    find: 'const visibleAttempts = 3;',
    replace: 'const visibleAttempts = 1;',
    heldElsewhere: 'it saves a retry; without it the client is told `unavailable`',
  },
  {
    guard: 'updates of a mailbox are retried after a conflict',
    file: mailboxes,
    find: "return errorName(error) === 'TransactionConflictException';",
    replace: "return errorName(error) === '';",
    heldElsewhere: 'it saves a retry; without it the client is told `unavailable`',
  },
  {
    guard: 'a position stays below the end',
    file: mailboxes,
    find: 'lastSeq >= :seq AND ',
    replace: '',
  },
  {
    guard: 'a position only moves forward',
    file: mailboxes,
    find: 'OR ${position} < :seq)',
    replace: 'OR ${position} <> :seq)',
  },
  {
    guard: 'what goes side by side is waited for to its last part',
    file: 'shared/use-cases/waiting.ts',
    find: 'await Promise.allSettled(work);',
    replace: '',
  },
  {
    guard: 'after the commit nothing turns success into failure',
    file: deliverNow,
    find: "telemetry.error('delivery after the commit failed'",
    replace: "throw error;\n      telemetry.error('delivery after the commit failed'",
  },
  {
    guard: 'pushes begin with the first reconnect',
    file: 'shared/use-cases/push.ts',
    find: 'return ready && expiresAt > clock.now();',
    replace: 'return (ready || !ready) && expiresAt > clock.now();',
  },
  {
    guard: 'no push after the expiry of the token',
    file: 'shared/use-cases/push.ts',
    find: 'return ready && expiresAt > clock.now();',
    replace: 'return ready && (expiresAt > clock.now() || true);',
  },
  {
    guard: 'the pages of a drain are awaited, one after the other',
    file: 'shared/use-cases/drain-pages.ts',
    find: "if (page.length > 0) await send({ type: 'reconnect.page', messages: page });",
    replace: "if (page.length > 0) send({ type: 'reconnect.page', messages: page }).catch(() => {});",
  },
  {
    guard: 'time never goes back in a conversation',
    file: send,
    find: 'sentAt: Math.max(now, conversation?.lastMessageAt ?? 0),',
    replace: 'sentAt: now,',
  },
  {
    guard: 'a clientMessageId is shown to its sender alone',
    file: 'shared/use-cases/message-view.ts',
    find: 'stored.senderId === viewerId &&',
    replace: '(stored.senderId === viewerId || true) &&',
  },
  {
    guard: 'history is for members',
    file: 'shared/use-cases/read-history.ts',
    find: 'if (!mailbox || !conversation) throw notFound();',
    replace: 'if (!conversation) throw notFound();',
  },
  {
    guard: 'the additional data of the encryption',
    file: cipher,
    find: '.setAAD(bound)',
    replace: '.setAAD(Buffer.of(version))',
  },
  {
    guard: 'content is encrypted at all',
    file: cipher,
    find: 'return Buffer.concat([Buffer.of(version), dataKey.keyId, iv, ...ciphertext, cipher.getAuthTag()]);',
    replace:
      'return Buffer.concat([Buffer.of(version), dataKey.keyId, iv, ...ciphertext, cipher.getAuthTag(), Buffer.from(content)]);',
  },
];
