import { expect, test } from 'vitest';
import type { Message } from '../support/shapes.ts';
import { check, type Rule } from './check.ts';
import type { Event } from './record.ts';

const [ALICE, BOB, TALK] = ['alice', 'bob', 'alice and bob'];

function message(seq: number, senderId: string, changes: Partial<Message> = {}): Message {
  return {
    messageId: `id-${seq}`,
    conversationId: TALK,
    seq,
    senderId,
    recipientId: senderId === ALICE ? BOB : ALICE,
    content: `content ${seq}`,
    sentAt: '2026-01-01T00:00:00.000Z',
    ...changes,
  };
}

const own = (seq: number) => message(seq, ALICE, { clientMessageId: `c-${seq}` });
const theirs = (seq: number) => message(seq, ALICE);

const send = (seq: number): Event => ({
  kind: 'send',
  device: 'a1',
  user: ALICE,
  to: BOB,
  clientMessageId: `c-${seq}`,
  content: `content ${seq}`,
});
const sent = (seq: number, changes: Partial<Message> = {}, duplicate = false): Event => ({
  kind: 'sent',
  device: 'a1',
  user: ALICE,
  to: BOB,
  clientMessageId: `c-${seq}`,
  message: { ...own(seq), ...changes },
  duplicate,
});
const pushed = (of: Message, user = BOB): Event => ({
  kind: 'pushed',
  device: `${user}-1`,
  user,
  message: of,
});
const reconnect = (drain: number, positions?: Record<string, number>): Event => ({
  kind: 'reconnect',
  device: 'b1',
  user: BOB,
  drain,
  ...(positions && { positions }),
});
const drained = (
  drain: number,
  messages: Message[],
  changes: { more?: boolean; cut?: boolean } = {},
): Event => ({
  kind: 'drained',
  device: 'b1',
  user: BOB,
  drain,
  messages,
  more: false,
  cut: false,
  ...changes,
});
const ack = (seq: number, confirmed: boolean): Event => ({
  kind: 'ack',
  device: 'b1',
  user: BOB,
  positions: { [TALK]: seq },
  confirmed,
});
const held = (messages: Message[]): Event => ({ kind: 'held', device: 'b1', user: BOB, messages });
const finals = (...seqs: number[]): Event[] => [
  { kind: 'final', user: ALICE, conversationId: TALK, messages: seqs.map(own) },
  { kind: 'final', user: BOB, conversationId: TALK, messages: seqs.map(theirs) },
];

/** Alice has sent three messages, one after the other; nothing is wrong. */
const SENDS = [send(1), sent(1), send(2), sent(2), send(3), sent(3)];
const END = finals(1, 2, 3);

const RIGHT: Record<string, Event[]> = {
  'sends and their ends': [...SENDS, ...END],
  'a push, and the same push again': [...SENDS, pushed(theirs(3)), pushed(theirs(3)), ...END],
  'a drain from a position': [
    ...SENDS,
    reconnect(1, { [TALK]: 1 }),
    drained(1, [theirs(2), theirs(3)]),
    ...END,
  ],
  'a drain in parts': [
    ...SENDS,
    reconnect(1, {}),
    drained(1, [theirs(1), theirs(2)], { more: true }),
    reconnect(2, { [TALK]: 2 }),
    drained(2, [theirs(3)]),
    ...END,
  ],
  'a drain that was cut': [...SENDS, reconnect(1, {}), drained(1, [theirs(1)], { cut: true }), ...END],
  'a drain that began before a send was confirmed': [
    send(1),
    reconnect(1, {}),
    drained(1, []),
    ...SENDS.slice(1),
    ...END,
  ],
  'a drain from what was acknowledged': [
    ...SENDS,
    ack(1, false),
    ack(1, true),
    reconnect(1),
    drained(1, [theirs(2), theirs(3)]),
    ...END,
  ],
  'a drain after an ack whose fate is unknown': [
    ...SENDS,
    ack(2, false),
    reconnect(1),
    drained(1, [theirs(1), theirs(2), theirs(3)]),
    reconnect(2),
    drained(2, [theirs(3)]),
    ...END,
  ],
  'a repeated send': [...SENDS, send(2), sent(2, {}, true), ...END],
  'a send that was never confirmed, there or not': [...SENDS, send(4), send(5), ...finals(1, 2, 3, 4)],
  'a device that holds everything': [...SENDS, ...END, held([theirs(1), theirs(2), theirs(3)])],
};

const WRONG: Record<string, [Rule, Event[]]> = {
  'a confirmed message that is nowhere': ['loss', [...SENDS, ...finals(1, 2)]],
  'a confirmed message that one member lacks': [
    'loss',
    [
      ...SENDS,
      END[0] as Event,
      { kind: 'final', user: BOB, conversationId: TALK, messages: [theirs(1), theirs(2)] },
    ],
  ],
  'a pushed message that is not there at the end': ['loss', [...SENDS, send(4), pushed(theirs(4)), ...END]],
  'a device that lacks one': ['loss', [...SENDS, ...END, held([theirs(1), theirs(2)])]],
  'a drain without the last': [
    'loss',
    [...SENDS, reconnect(1, {}), drained(1, [theirs(1), theirs(2)]), ...END],
  ],
  'an empty drain': ['loss', [...SENDS, reconnect(1, { [TALK]: 2 }), drained(1, []), ...END]],
  'an empty drain by acknowledgement': [
    'loss',
    [...SENDS, ack(1, false), ack(1, true), reconnect(1), drained(1, []), ...END],
  ],
  'a send confirmed as two messages': [
    'duplicate',
    [...SENDS, send(4), send(2), sent(2, { messageId: 'id-4', seq: 4 }), ...finals(1, 2, 3, 4)],
  ],
  'a send confirmed as new twice': ['duplicate', [...SENDS, send(2), sent(2), ...END]],
  'a send that is there twice': [
    'duplicate',
    [
      ...SENDS,
      {
        kind: 'final',
        user: ALICE,
        conversationId: TALK,
        messages: [own(1), own(2), own(3), { ...own(3), seq: 4, messageId: 'id-4' }],
      },
      END[1] as Event,
    ],
  ],
  'one id at two places': ['duplicate', [...SENDS, pushed({ ...theirs(3), messageId: 'id-2' }), ...END]],
  'a drain with a message twice': [
    'duplicate',
    [...SENDS, reconnect(1, { [TALK]: 1 }), drained(1, [theirs(2), theirs(2), theirs(3)]), ...END],
  ],
  'a drain from below the position': [
    'duplicate',
    [...SENDS, reconnect(1, { [TALK]: 2 }), drained(1, [theirs(2), theirs(3)]), ...END],
  ],
  'a drain of what was acknowledged': [
    'duplicate',
    [...SENDS, ack(2, false), ack(2, true), reconnect(1), drained(1, [theirs(2), theirs(3)]), ...END],
  ],
  'a device that holds one twice': [
    'duplicate',
    [...SENDS, ...END, held([theirs(1), theirs(2), theirs(2), theirs(3)])],
  ],
  'a seq that is missing': ['gap', [send(1), sent(1), send(3), sent(3), ...finals(1, 3)]],
  'a conversation that begins at 2': ['gap', [send(2), sent(2), ...finals(2)]],
  'a drain with a hole': ['gap', [...SENDS, reconnect(1, {}), drained(1, [theirs(1), theirs(3)]), ...END]],
  'a drain that begins too late': [
    'gap',
    [...SENDS, reconnect(1, { [TALK]: 1 }), drained(1, [theirs(3)]), ...END],
  ],
  'two messages at one seq': ['order', [...SENDS, pushed({ ...theirs(2), messageId: 'id-9' }), ...END]],
  'another content for the other member': [
    'order',
    [...SENDS, send(4), pushed({ ...theirs(2), content: 'content 4' }), ...END],
  ],
  'another time for the other member': [
    'order',
    [...SENDS, pushed({ ...theirs(2), sentAt: '2026-01-01T00:00:00.001Z' }), ...END],
  ],
  'a later send at an earlier seq': ['order', [send(2), sent(2), send(1), sent(1), ...finals(1, 2)]],
  'a drain out of order': [
    'order',
    [...SENDS, reconnect(1, { [TALK]: 1 }), drained(1, [theirs(3), theirs(2)]), ...END],
  ],
  'a device that holds them out of order': [
    'order',
    [...SENDS, ...END, held([theirs(2), theirs(1), theirs(3)])],
  ],
  'two conversations of one pair': [
    'order',
    [...SENDS, send(4), sent(4, { conversationId: 'another', seq: 1 }), ...END],
  ],
  'a message pushed to a stranger': ['privacy', [...SENDS, pushed(theirs(1), 'mallory'), ...END]],
  'a clientMessageId shown to the other': ['privacy', [...SENDS, pushed(own(1)), ...END]],
  'a content that nobody sent': ['phantom', [...SENDS, pushed({ ...theirs(2), content: 'forged' }), ...END]],
  'a content from somebody else': ['phantom', [...SENDS, pushed(message(2, BOB), ALICE), ...END]],
  'a confirmation with another clientMessageId': [
    'phantom',
    [...SENDS, send(2), sent(2, { clientMessageId: 'c-1' }, true), ...END],
  ],
  'a right send that was refused': [
    'refused',
    [
      ...SENDS,
      { kind: 'refused', device: 'a1', user: ALICE, to: BOB, clientMessageId: 'c-4', code: 'bad_request' },
      ...END,
    ],
  ],
};

for (const [name, events] of Object.entries(RIGHT)) {
  test(`the checker accepts ${name}`, () => {
    expect(check(events)).toEqual([]);
  });
}

for (const [name, [rule, events]] of Object.entries(WRONG)) {
  test(`the checker finds ${name}`, () => {
    expect(check(events).map((violation) => violation.rule)).toContain(rule);
  });
}
