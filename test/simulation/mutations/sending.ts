import type { Mutation } from './mutation.ts';
import { sources } from './sources.ts';

/** From a send to its commit. */
export const sending: readonly Mutation[] = [
  {
    guard: 'the condition on all three rows',
    file: sources.commitTransaction,
    find: `isFirst ? 'attribute_not_exists(lastSeq)' : 'lastSeq = :previousSeq'`,
    replace: `'attribute_not_exists(nothing)'`,
  },
  {
    guard: 'a lost race looks for a duplicate again',
    file: sources.sendMessage,
    find: 'const duplicate = await whole(',
    replace: 'const duplicate = attempt > 1 ? undefined : await whole(',
  },
  {
    guard: 'rows of a batch that disagree are read again',
    file: sources.conversationLog,
    find: 'if (head?.lastSeq !== mailbox?.lastSeq) return undefined;',
    replace: '',
  },
  {
    guard: 'rows of a refusal that disagree are not believed',
    file: sources.conversationLog,
    find: 'if (endsOfHeads.one(head).lastSeq !== endsOfMailboxes.one(senderMailbox).lastSeq) return undecided;',
    replace: '',
  },
  {
    guard: 'unprocessed keys are asked for again',
    file: sources.batchGet,
    find: 'pending = UnprocessedKeys as typeof pending;',
    replace: 'pending = {} as typeof UnprocessedKeys as typeof pending;',
  },
  {
    guard: 'duplicates are looked for at all',
    file: sources.sendMessage,
    find: 'const duplicate = await whole(',
    replace: 'const duplicate = attempt > 0 ? undefined : await whole(',
  },
  {
    guard: 'blocked users may not send',
    file: sources.sendMessage,
    find: 'if (blocked) throw forbidden();',
    replace: '',
  },
  {
    guard: 'the duplicate comes before the relationship',
    file: sources.sendMessage,
    find: '      const duplicate = await whole(',
    replace: '      if (blocked) throw forbidden();\n      const duplicate = await whole(',
  },
  {
    guard: 'after an unknown outcome the same request goes out again',
    file: sources.conversationLog,
    find: 'outcomeUnknown = true;',
    replace: 'return { committed: false, state: undefined };',
  },
  {
    guard: 'time never goes back in a conversation',
    file: sources.sendMessage,
    find: 'sentAt: Math.max(now, conversation?.lastMessageAt ?? 0),',
    replace: 'sentAt: now,',
  },
  {
    guard: 'every commit has a witness',
    file: sources.sendMessage,
    find: 'leaveWitness(dependencies, commit)',
    replace: 'Promise.resolve(commit)',
  },
  {
    guard: 'the witness leaves beside the commit, not after it',
    file: sources.sendMessage,
    find: 'leaveWitness(dependencies, commit)',
    replace: 'Promise.resolve(commit)',
    and: { find: '// Step 4:', replace: 'await leaveWitness(dependencies, commit);\n      // Step 4:' },
  },
];
