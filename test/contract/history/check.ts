import type { Message } from '../support/shapes.ts';
import { checkDrains } from './check-drains.ts';
import { type Event, messagesOf, type SendName, type SentEvent } from './record.ts';

export type Rule = 'loss' | 'duplicate' | 'gap' | 'order' | 'privacy' | 'phantom' | 'refused';

export interface Violation {
  readonly rule: Rule;
  readonly detail: string;
}

export type Report = (rule: Rule, detail: string) => void;

const isKind =
  <K extends Event['kind']>(kind: K) =>
  (event: Event): event is Extract<Event, { kind: K }> =>
    event.kind === kind;

const nameOf = ({ user, to, clientMessageId }: SendName) => JSON.stringify([user, to, clientMessageId]);
const pairOf = (x: string, y: string) => JSON.stringify([x, y].sort());
const placeOf = ({ conversationId, seq }: Message) => `${conversationId} seq ${seq}`;

/** The message as everybody sees it: what must be the same for all. */
function faceOf({ messageId, senderId, recipientId, content, sentAt }: Message): string {
  return JSON.stringify({ messageId, senderId, recipientId, content, sentAt });
}

/** Every member sees the same message at the same seq, whichever way it came. */
function checkAgreement(events: readonly Event[], report: Report): void {
  const faces = new Map<string, string>();
  const places = new Map<string, string>();
  for (const message of events.flatMap(messagesOf)) {
    const [place, face] = [placeOf(message), faceOf(message)];
    if ((faces.get(place) ?? face) !== face) {
      report('order', `two messages at ${place}`);
    }
    if ((places.get(message.messageId) ?? place) !== place) {
      report('duplicate', `${message.messageId} is at ${places.get(message.messageId)} and at ${place}`);
    }
    faces.set(place, face);
    places.set(message.messageId, place);
  }
}

/** Nobody sees what is not theirs, and nothing is seen that nobody sent. */
function checkPrivacy(events: readonly Event[], report: Report): void {
  const contents = new Set(
    events.filter(isKind('send')).map(({ user, to, content }) => JSON.stringify([user, to, content])),
  );
  const committed = new Set(events.filter(isKind('final')).flatMap(({ messages }) => messages.map(placeOf)));
  for (const event of events) {
    for (const message of messagesOf(event)) {
      const { senderId, recipientId, content } = message;
      if (event.user !== senderId && event.user !== recipientId) {
        report('privacy', `${event.user} saw ${placeOf(message)}, between ${senderId} and ${recipientId}`);
      }
      if (event.user !== senderId && message.clientMessageId !== undefined) {
        report('privacy', `${event.user} saw the clientMessageId of ${placeOf(message)}`);
      }
      if (!contents.has(JSON.stringify([senderId, recipientId, content]))) {
        report('phantom', `${placeOf(message)} holds what ${senderId} never sent to ${recipientId}`);
      }
      if (!committed.has(placeOf(message))) {
        report('loss', `${event.user} saw ${placeOf(message)}, which is not there at the end`);
      }
    }
  }
}

/** One send is one message, and at most one of its confirmations says that it is new. */
function checkConfirmations(events: readonly Event[], report: Report): void {
  const byName = Map.groupBy(events.filter(isKind('sent')), nameOf);
  const contents = new Map(events.filter(isKind('send')).map((event) => [nameOf(event), event.content]));
  for (const [name, confirmations] of byName) {
    const places = new Set(confirmations.map(({ message }) => `${placeOf(message)} ${faceOf(message)}`));
    if (places.size > 1) {
      report('duplicate', `${name} was confirmed as ${places.size} messages`);
    }
    if (confirmations.filter(({ duplicate }) => !duplicate).length > 1) {
      report('duplicate', `${name} was confirmed as new more than once`);
    }
    for (const { message, clientMessageId } of confirmations) {
      if (message.content !== contents.get(name) || message.clientMessageId !== clientMessageId) {
        report('phantom', `${name} was confirmed with another message: ${placeOf(message)}`);
      }
    }
  }
  for (const { user, to, clientMessageId, code } of events.filter(isKind('refused'))) {
    report('refused', `${nameOf({ user, to, clientMessageId })}: ${code}`);
  }
}

/** What is there at the end: seq 1, 2, 3 …, each send once, everything that was confirmed, for both members. */
function checkFinals(events: readonly Event[], report: Report): void {
  const finals = events.filter(isKind('final'));
  const sent = events.filter(isKind('sent'));
  for (const { user, conversationId, messages } of finals) {
    const isGapFree = messages.every(({ seq }, index) => seq === index + 1);
    if (!isGapFree) {
      report('gap', `${user} reads ${conversationId} as seq ${messages.map(({ seq }) => seq).join()}`);
    }
    const own = messages
      .filter(({ senderId }) => senderId === user)
      .map(({ clientMessageId }) => clientMessageId);
    if (new Set(own).size < own.length) {
      report('duplicate', `${user} finds a send of theirs twice in ${conversationId}`);
    }
  }
  const read = new Set(
    finals.flatMap(({ user, messages }) => messages.map((message) => `${user} ${placeOf(message)}`)),
  );
  const lost = (user: string, { message }: SentEvent) => {
    if (!read.has(`${user} ${placeOf(message)}`)) {
      report('loss', `${placeOf(message)} was confirmed, and ${user} does not find it at the end`);
    }
  };
  for (const event of sent) {
    lost(event.user, event);
    lost(event.to, event);
  }
  const conversationOf = new Map<string, string>();
  for (const { message } of sent) {
    const pair = pairOf(message.senderId, message.recipientId);
    if ((conversationOf.get(pair) ?? message.conversationId) !== message.conversationId) {
      report('order', `${pair} have two conversations`);
    }
    conversationOf.set(pair, message.conversationId);
  }
}

/** What a device holds at the end is all that its user can read, in that order, once. */
function checkHeld(events: readonly Event[], report: Report): void {
  const finals = Map.groupBy(events.filter(isKind('final')), ({ user }) => user);
  for (const { device, user, messages } of events.filter(isKind('held'))) {
    const held = new Set(messages.map(placeOf));
    if (held.size < messages.length) {
      report('duplicate', `${device} holds a message twice`);
    }
    const byConversation = Map.groupBy(messages, ({ conversationId }) => conversationId);
    for (const [conversationId, own] of byConversation) {
      if (own.some(({ seq }, index) => seq < (own[index - 1]?.seq ?? 0))) {
        report('order', `${device} holds ${conversationId} out of order`);
      }
    }
    for (const message of (finals.get(user) ?? []).flatMap((final) => final.messages)) {
      if (!held.has(placeOf(message))) {
        report('loss', `${device} never got ${placeOf(message)}`);
      }
    }
  }
}

/** A send that begins after another of its conversation was confirmed comes after it. */
function checkRealTime(events: readonly Event[], report: Report): void {
  const seqs = new Map(events.filter(isKind('sent')).map((event) => [nameOf(event), event.message.seq]));
  const confirmed = new Map<string, number>();
  const begun = new Set<string>();
  for (const event of events) {
    if (event.kind === 'send' && !begun.has(nameOf(event))) {
      begun.add(nameOf(event));
      const [seq, before] = [seqs.get(nameOf(event)), confirmed.get(pairOf(event.user, event.to)) ?? 0];
      if (seq !== undefined && seq <= before) {
        report('order', `${nameOf(event)} got seq ${seq} after seq ${before} had been confirmed`);
      }
    }
    if (event.kind === 'sent') {
      const pair = pairOf(event.user, event.to);
      confirmed.set(pair, Math.max(confirmed.get(pair) ?? 0, event.message.seq));
    }
  }
}

/** Judges what the clients of a run have recorded against the promises of the contract. Pure; empty when all hold. */
export function check(events: readonly Event[]): Violation[] {
  const violations: Violation[] = [];
  const report: Report = (rule, detail) => void violations.push({ rule, detail });
  checkAgreement(events, report);
  checkPrivacy(events, report);
  checkConfirmations(events, report);
  checkFinals(events, report);
  checkHeld(events, report);
  checkRealTime(events, report);
  checkDrains(events, report);
  return violations;
}
