import type { Report } from './check.ts';
import type { AckEvent, DrainedEvent, Event, ReconnectEvent } from './record.ts';

type Seqs = Map<string, number>;

/** What was known when a reconnect went out, by conversation. */
interface Begun {
  readonly event: ReconnectEvent;
  /** The highest seq that had been confirmed to its sender. */
  readonly committed: Seqs;
  /** The highest seq that the user had asked to acknowledge, and the highest that had been answered `ok`. */
  readonly asked: Seqs;
  readonly acknowledged: Seqs;
}

/** Where a drain of a conversation has to begin: the highest seq that it may leave out, and the lowest it must. */
function boundsOf({ event, asked, acknowledged }: Begun, conversationId: string) {
  if (event.positions) {
    const position = event.positions[conversationId] ?? 0;
    return { most: position, least: position };
  }
  return { most: asked.get(conversationId) ?? 0, least: acknowledged.get(conversationId) ?? 0 };
}

function checkDrain(begun: Begun, drained: DrainedEvent, report: Report): void {
  const byConversation = Map.groupBy(drained.messages, ({ conversationId }) => conversationId);
  for (const conversationId of new Set([...byConversation.keys(), ...begun.committed.keys()])) {
    const seqs = (byConversation.get(conversationId) ?? []).map(({ seq }) => seq);
    const { most, least } = boundsOf(begun, conversationId);
    const where = `a drain of ${drained.device} in ${conversationId}`;
    const [first = most + 1] = seqs;
    if (new Set(seqs).size < seqs.length) {
      report('duplicate', `${where} has a message twice: ${seqs.join()}`);
    } else if (seqs.some((seq, index) => seq < (seqs[index - 1] ?? 0))) {
      report('order', `${where} is out of order: ${seqs.join()}`);
    } else if (first > most + 1 || seqs.some((seq, index) => seq !== first + index)) {
      report('gap', `${where} above ${most} is ${seqs.join()}`);
    }
    if (first <= least) {
      report('duplicate', `${where} begins at ${first}, although ${least} was reached`);
    }
    const reached = seqs.at(-1) ?? most;
    const due = begun.committed.get(conversationId) ?? 0;
    if (!drained.cut && !drained.more && reached < due) {
      report('loss', `${where} ends at ${reached}, although ${due} had been committed`);
    }
  }
}

function raise(seqs: Seqs, conversationId: string, seq: number): void {
  seqs.set(conversationId, Math.max(seqs.get(conversationId) ?? 0, seq));
}

function acknowledge(known: Map<string, Seqs>, { user, positions }: AckEvent): void {
  const seqs = known.get(user) ?? new Map<string, number>();
  known.set(user, seqs);
  for (const [conversationId, seq] of Object.entries(positions)) {
    raise(seqs, conversationId, seq);
  }
}

/** Every drain gives all that had been committed above the device's positions, in order, once. */
export function checkDrains(events: readonly Event[], report: Report): void {
  const committed = new Map<string, Seqs>();
  const asked = new Map<string, Seqs>();
  const acknowledged = new Map<string, Seqs>();
  const begun = new Map<number, Begun>();
  for (const event of events) {
    if (event.kind === 'sent') {
      for (const member of [event.user, event.to]) {
        const seqs = committed.get(member) ?? new Map<string, number>();
        committed.set(member, seqs);
        raise(seqs, event.message.conversationId, event.message.seq);
      }
    } else if (event.kind === 'ack') {
      acknowledge(event.confirmed ? acknowledged : asked, event);
    } else if (event.kind === 'reconnect') {
      begun.set(event.drain, {
        event,
        committed: new Map(committed.get(event.user)),
        asked: new Map(asked.get(event.user)),
        acknowledged: new Map(acknowledged.get(event.user)),
      });
    } else if (event.kind === 'drained') {
      const start = begun.get(event.drain);
      if (start) {
        checkDrain(start, event, report);
      }
    }
  }
}
