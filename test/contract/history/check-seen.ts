import type { Message } from '../support/shapes.ts';
import type { Report } from './check.ts';
import { type Event, messagesOf } from './record.ts';
import { entryOf, makeMap, makePlaces, makeSet, placeOf } from './tables.ts';

/** Whether everybody sees the same: all but the clientMessageId, which is its sender's. */
function isSame(one: Message, other: Message): boolean {
  return (
    one.messageId === other.messageId &&
    one.senderId === other.senderId &&
    one.recipientId === other.recipientId &&
    one.content === other.content &&
    one.sentAt === other.sentAt
  );
}

/** Every member sees the same message at the same seq, whichever way it came. */
function checkAgreement(events: readonly Event[], report: Report): void {
  const first = new Map<string, Map<number, Message>>();
  const byId = new Map<string, Message>();
  for (const event of events) {
    for (const message of messagesOf(event)) {
      const talk = entryOf(first, message.conversationId, makeMap<number, Message>);
      const there = entryOf(talk, message.seq, () => message);
      if (there !== message && !isSame(there, message))
        report('one message at a place', `two messages at ${placeOf(message)}`);
      const named = entryOf(byId, message.messageId, () => message);
      if (named.seq !== message.seq || named.conversationId !== message.conversationId)
        report(
          'one place for a message',
          `${message.messageId} is at ${placeOf(named)} and at ${placeOf(message)}`,
        );
    }
  }
}

/** What was sent, by sender and recipient. */
function contentsOf(events: readonly Event[]) {
  const sent = new Map<string, Map<string, Set<string>>>();
  for (const event of events)
    if (event.kind === 'send')
      entryOf(entryOf(sent, event.user, makeMap<string, Set<string>>), event.to, makeSet<string>).add(
        event.content,
      );
  return sent;
}

/** Nobody sees what is not theirs, and nothing is seen that nobody sent, or that does not stay. */
export function checkSeen(events: readonly Event[], report: Report): void {
  checkAgreement(events, report);
  const sent = contentsOf(events);
  const committed = makePlaces();
  for (const event of events) if (event.kind === 'final') event.messages.forEach(committed.add);
  for (const event of events) {
    for (const message of messagesOf(event)) {
      const { senderId, recipientId, content } = message;
      if (event.user !== senderId && event.user !== recipientId)
        report(
          'seen by its members alone',
          `${event.user} saw ${placeOf(message)}, between ${senderId} and ${recipientId}`,
        );
      if (event.user !== senderId && message.clientMessageId !== undefined)
        report(
          'clientMessageId shown to its sender alone',
          `${event.user} saw the clientMessageId of ${placeOf(message)}`,
        );
      if (!sent.get(senderId)?.get(recipientId)?.has(content))
        report(
          'seen only what was sent',
          `${placeOf(message)} holds what ${senderId} never sent to ${recipientId}`,
        );
      if (!committed.has(message))
        report('what was seen stays', `${event.user} saw ${placeOf(message)}, which is not there at the end`);
    }
  }
}
