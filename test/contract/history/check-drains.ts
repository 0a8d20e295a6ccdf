import type { Message } from '../support/shapes.ts';
import type { Report } from './check.ts';
import type { AckEvent, DrainedEvent, Event, ReconnectEvent } from './record.ts';
import { entryOf, makeMap } from './tables.ts';

/** The highest seq by conversation. */
type Seqs = Map<string, number>;

/** What is known of a user by now. */
interface Known {
  /** What had been confirmed to its sender. */
  readonly committed: Seqs;
  /** What the user had asked to acknowledge, and what had been answered `ok`. */
  readonly asked: Seqs;
  readonly acknowledged: Seqs;
}

/** A reconnect as it went out. */
interface Begun {
  readonly event: ReconnectEvent;
  readonly committed: Seqs;
  readonly acknowledged: Seqs;
}

/**
 * Where a drain of a conversation has to begin: the highest seq that it may leave out, and the lowest that it must. An
 * acknowledgement counts as soon as the server has it, which may be in the middle of the drain.
 */
function boundsOf({ event, acknowledged }: Begun, { asked }: Known, conversationId: string) {
  if (event.positions) {
    const position = event.positions[conversationId] ?? 0;
    return { most: position, least: position };
  }
  return { most: asked.get(conversationId) ?? 0, least: acknowledged.get(conversationId) ?? 0 };
}

function checkDrain(begun: Begun, known: Known, drained: DrainedEvent, report: Report): void {
  const byConversation = new Map<string, Message[]>();
  for (const message of drained.messages)
    entryOf(byConversation, message.conversationId, (): Message[] => []).push(message);
  const isWhole = !drained.cut && !drained.more;
  const conversations = isWhole
    ? [...byConversation.keys(), ...begun.committed.keys()]
    : byConversation.keys();
  for (const conversationId of new Set(conversations)) {
    const seqs = (byConversation.get(conversationId) ?? []).map(({ seq }) => seq);
    const { most, least } = boundsOf(begun, known, conversationId);
    const where = `a drain of ${drained.device} in ${conversationId}`;
    const [first = most + 1] = seqs;
    if (new Set(seqs).size < seqs.length)
      report('drained once', `${where} has a message twice: ${seqs.join()}`);
    else if (seqs.some((seq, index) => seq < (seqs[index - 1] ?? 0)))
      report('drained in order', `${where} is out of order: ${seqs.join()}`);
    else if (first > most + 1 || seqs.some((seq, index) => seq !== first + index))
      report('drained without a gap', `${where} above ${most} is ${seqs.join()}`);
    if (first <= least)
      report('drained above the position', `${where} begins at ${first}, although ${least} was reached`);
    const reached = seqs.at(-1) ?? most;
    const due = begun.committed.get(conversationId) ?? 0;
    if (isWhole && reached < due)
      report('drained to the end', `${where} ends at ${reached}, although ${due} had been committed`);
  }
}

function raise(seqs: Seqs, conversationId: string, seq: number): void {
  if (seq > (seqs.get(conversationId) ?? 0)) seqs.set(conversationId, seq);
}

function acknowledge({ asked, acknowledged }: Known, { positions, confirmed }: AckEvent): void {
  for (const [conversationId, seq] of Object.entries(positions))
    raise(confirmed ? acknowledged : asked, conversationId, seq);
}

/** Every drain gives all that had been committed above the device's positions, in order, once. */
export function checkDrains(events: readonly Event[], report: Report): void {
  const users = new Map<string, Known>();
  const knownOf = (user: string): Known =>
    entryOf(users, user, () => ({
      committed: makeMap<string, number>(),
      asked: makeMap<string, number>(),
      acknowledged: makeMap<string, number>(),
    }));
  const begun = new Map<number, Begun>();
  for (const event of events) {
    if (event.kind === 'sent') {
      const { conversationId, seq } = event.message;
      for (const member of [event.user, event.to]) raise(knownOf(member).committed, conversationId, seq);
    } else if (event.kind === 'ack') {
      acknowledge(knownOf(event.user), event);
    } else if (event.kind === 'reconnect') {
      const { committed, acknowledged } = knownOf(event.user);
      begun.set(event.drain, {
        event,
        committed: new Map(committed),
        acknowledged: new Map(acknowledged),
      });
    } else if (event.kind === 'drained') {
      const start = begun.get(event.drain);
      if (start) checkDrain(start, knownOf(event.user), event, report);
      begun.delete(event.drain);
    }
  }
}
