import type { Mutation } from './mutation.ts';
import { sources } from './sources.ts';

/** Reconnects, history, positions. */
export const readings: readonly Mutation[] = [
  {
    guard: 'nobody moves over a hole',
    file: sources.readMessages,
    find: 'const through = young === undefined ? range.to : young - 1;',
    replace: 'const through = range.to;',
  },
  {
    guard: 'the messages of a range are put in order',
    file: sources.readMessages,
    find: '.sort((one, other) => bySeq(one.stored, other.stored))',
    replace: '',
  },
  {
    guard: 'the pages of a drain are awaited, one after the other',
    file: sources.drainPages,
    find: "if (page.length > 0) await send({ type: 'reconnect.page', messages: page });",
    replace: "if (page.length > 0) send({ type: 'reconnect.page', messages: page }).catch(() => {});",
  },
  {
    guard: 'a drain that did not get through says that there is more',
    file: sources.drainConversations,
    find: 'await pager.finish(!complete);',
    replace: 'await pager.finish(false);',
  },
  {
    guard: 'what a tier has is not believed before it opens',
    file: sources.readMessages,
    find: 'const unreadable = await openAll(conversation, entries, found);',
    replace: `const unreadable: number[] = [];
      for (const stored of entries) {
        const content = await dependencies.cipher.open(stored, conversation.keySalt, stored.ciphertext);
        found.set(stored.seq, { stored, content });
      }`,
  },
  {
    guard: 'a position stays below the end, and makes no row',
    ...{ file: sources.mailboxes, find: 'lastSeq >= :seq AND ', replace: '' },
  },
  {
    guard: 'a position only moves forward',
    file: sources.mailboxes,
    find: 'OR ${position} < :seq)',
    replace: 'OR ${position} <> :seq)',
  },
  {
    guard: 'reading never takes an arrival back',
    file: sources.mailboxes,
    find: "`${isBehind('readSeq')} AND ${isBehind('deliveredSeq')}`",
    replace: "isBehind('readSeq')",
  },
];
