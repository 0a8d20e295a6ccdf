import type { Report } from './check.ts';
import type { Event, FinalEvent, HeldEvent } from './record.ts';
import { entryOf, makePlaces, type Places, placeOf } from './tables.ts';

/** What a user reads at the end: seq 1, 2, 3 …, and each of their sends once. */
function checkFinal({ user, conversationId, messages }: FinalEvent, report: Report): void {
  if (!messages.every(({ seq }, index) => seq === index + 1))
    report(
      'seq 1, 2, 3 …',
      `${user} reads ${conversationId} as seq ${messages.map(({ seq }) => seq).join()}`,
    );
  const own = messages.filter(({ senderId }) => senderId === user);
  if (new Set(own.map(({ clientMessageId }) => clientMessageId)).size < own.length)
    report('a send is there once', `${user} finds a send of theirs twice in ${conversationId}`);
}

/** Both members find at the end what was confirmed to one of them. */
function checkConfirmed(events: readonly Event[], read: ReadonlyMap<string, Places>, report: Report): void {
  for (const event of events) {
    if (event.kind !== 'sent') continue;
    for (const user of [event.user, event.to])
      if (!read.get(user)?.has(event.message))
        report(
          'what was confirmed stays',
          `${placeOf(event.message)} was confirmed, and ${user} does not find it at the end`,
        );
  }
}

/** What a device holds at the end is all that its user can read, in that order, once. */
function checkHeld({ device, messages }: HeldEvent, finals: readonly FinalEvent[], report: Report): void {
  const held = makePlaces();
  const last = new Map<string, number>();
  for (const message of messages) {
    if (held.has(message)) report('held once', `${device} holds ${placeOf(message)} twice`);
    if (message.seq < (last.get(message.conversationId) ?? 0))
      report('held in order', `${device} holds ${placeOf(message)} out of order`);
    held.add(message);
    last.set(message.conversationId, message.seq);
  }
  for (const final of finals)
    for (const message of final.messages)
      if (!held.has(message)) report('held by every device', `${device} never got ${placeOf(message)}`);
}

/** After everybody has come back. */
export function checkEnds(events: readonly Event[], report: Report): void {
  const finals = new Map<string, FinalEvent[]>();
  const read = new Map<string, Places>();
  for (const event of events) {
    if (event.kind !== 'final') continue;
    checkFinal(event, report);
    entryOf(finals, event.user, (): FinalEvent[] => []).push(event);
    const places = entryOf(read, event.user, makePlaces);
    for (const message of event.messages) places.add(message);
  }
  checkConfirmed(events, read, report);
  for (const event of events)
    if (event.kind === 'held') checkHeld(event, finals.get(event.user) ?? [], report);
}
