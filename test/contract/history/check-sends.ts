import type { Message } from '../support/shapes.ts';
import type { Report } from './check.ts';
import type { Event, SendName, SentEvent } from './record.ts';
import { entryOf, makeMap, placeOf } from './tables.ts';

/** Two users, as one writes to the other. */
interface Pair {
  readonly sends: Map<string, Send>;
  readonly both: BothWays;
}

/** The same pair, whoever writes. */
interface BothWays {
  conversationId: string | undefined;
  /** The highest seq that has been confirmed so far. */
  confirmed: number;
}

interface Send {
  readonly name: string;
  content: string | undefined;
  /** What had been confirmed in the conversation when it first went out. */
  confirmedBefore: number | undefined;
  readonly confirmations: SentEvent[];
}

const nameOf = ({ user, to, clientMessageId }: SendName) => JSON.stringify([user, to, clientMessageId]);

function makePairs() {
  const bothWays = new Map<string, Map<string, BothWays>>();
  const pairs = new Map<string, Map<string, Pair>>();
  const both = (one: string, other: string): BothWays => {
    const [low, high] = one < other ? [one, other] : [other, one];
    const none = () => ({ conversationId: undefined, confirmed: 0 });
    return entryOf(entryOf(bothWays, low, makeMap<string, BothWays>), high, none);
  };
  return (user: string, to: string): Pair =>
    entryOf(entryOf(pairs, user, makeMap<string, Pair>), to, () => ({
      sends: new Map(),
      both: both(user, to),
    }));
}

/** One send is one message as it was sent, at most one of its confirmations says that it is new, none is refused. */
function checkConfirmations({ name, content, confirmations }: Send, report: Report): void {
  const different = new Map(
    confirmations.map(({ message }) => [`${placeOf(message)} ${message.messageId}`, message]),
  );
  if (different.size > 1)
    report('one message for a send', `${name} was confirmed as ${different.size} messages`);
  if (confirmations.filter(({ duplicate }) => !duplicate).length > 1)
    report('new once', `${name} was confirmed as new more than once`);
  for (const { message, clientMessageId } of confirmations)
    if (message.content !== content || message.clientMessageId !== clientMessageId)
      report('confirmed as it was sent', `${name} was confirmed with another message: ${placeOf(message)}`);
}

/** A send that begins after another of its conversation was confirmed comes after it. */
function checkOrder({ name, confirmedBefore = 0, confirmations }: Send, report: Report): void {
  const seq = confirmations.at(-1)?.message.seq;
  if (seq === undefined || seq > confirmedBefore) return;
  report(
    'confirmed first, placed first',
    `${name} got seq ${seq} after seq ${confirmedBefore} had been confirmed`,
  );
}

function checkConversation(
  pair: BothWays,
  { conversationId, senderId, recipientId }: Message,
  report: Report,
): void {
  pair.conversationId ??= conversationId;
  if (pair.conversationId === conversationId) return;
  report('one conversation for a pair', `${senderId} and ${recipientId} have two conversations`);
}

export function checkSends(events: readonly Event[], report: Report): void {
  const pairOf = makePairs();
  const all: Send[] = [];
  for (const event of events) {
    if (event.kind === 'refused') report('nothing right is refused', `${nameOf(event)}: ${event.code}`);
    if (event.kind !== 'send' && event.kind !== 'sent') continue;
    const { sends, both } = pairOf(event.user, event.to);
    const send = entryOf(sends, event.clientMessageId, () => {
      const none = { content: undefined, confirmedBefore: undefined, confirmations: [] };
      const made = { name: nameOf(event), ...none };
      all.push(made);
      return made;
    });
    if (event.kind === 'send') {
      send.content = event.content;
      send.confirmedBefore ??= both.confirmed;
    } else {
      send.confirmations.push(event);
      both.confirmed = Math.max(both.confirmed, event.message.seq);
      checkConversation(both, event.message, report);
    }
  }
  for (const send of all) {
    checkConfirmations(send, report);
    checkOrder(send, report);
  }
}
