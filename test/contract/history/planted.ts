import type { Message } from '../support/shapes.ts';
import type { Check } from './check.ts';
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

/** The same for seq 1 to `last`, which is not as it was sent. */
const finalsWith = (last: number, changes: Partial<Message>, conversationId = TALK): Event[] => {
  const seqs = Array.from({ length: last }, (_, index) => index + 1);
  const changed = (of: Message) => (of.seq === last ? { ...of, ...changes } : of);
  return [
    { kind: 'final', user: ALICE, conversationId, messages: seqs.map((seq) => changed(own(seq))) },
    { kind: 'final', user: BOB, conversationId, messages: seqs.map((seq) => changed(theirs(seq))) },
  ];
};

/** Alice has sent three messages, one after the other; nothing is wrong. */
const SENDS = [send(1), sent(1), send(2), sent(2), send(3), sent(3)];
const END = finals(1, 2, 3);

/** Histories of a service without a fault. */
export const sound: Record<string, Event[]> = {
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

/** One fault each, with all the checks that find it. */
export const planted: Record<string, [Check[], Event[]]> = {
  'a confirmed message that is nowhere': [
    ['what was seen stays', 'what was confirmed stays'],
    [...SENDS, ...finals(1, 2)],
  ],
  'a confirmed message that one member lacks': [
    ['what was confirmed stays'],
    [
      ...SENDS,
      END[0] as Event,
      { kind: 'final', user: BOB, conversationId: TALK, messages: [theirs(1), theirs(2)] },
    ],
  ],
  'a pushed message that is not there at the end': [
    ['what was seen stays'],
    [...SENDS, send(4), pushed(theirs(4)), ...END],
  ],
  'a device that lacks one': [['held by every device'], [...SENDS, ...END, held([theirs(1), theirs(2)])]],
  'a drain without the last': [
    ['drained to the end'],
    [...SENDS, reconnect(1, {}), drained(1, [theirs(1), theirs(2)]), ...END],
  ],
  'an empty drain': [['drained to the end'], [...SENDS, reconnect(1, { [TALK]: 2 }), drained(1, []), ...END]],
  'an empty drain by acknowledgement': [
    ['drained to the end'],
    [...SENDS, ack(1, false), ack(1, true), reconnect(1), drained(1, []), ...END],
  ],
  'a send confirmed as two messages': [
    ['one message at a place', 'one message for a send', 'new once'],
    [...SENDS, send(4), send(2), sent(2, { messageId: 'id-4', seq: 4 }), ...finals(1, 2, 3, 4)],
  ],
  'a send confirmed as new twice': [['new once'], [...SENDS, send(2), sent(2), ...END]],
  'a send that is there twice': [
    ['a send is there once'],
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
  'one id at two places': [
    ['one message at a place', 'one place for a message'],
    [...SENDS, pushed({ ...theirs(3), messageId: 'id-2' }), ...END],
  ],
  'a drain with a message twice': [
    ['drained once'],
    [...SENDS, reconnect(1, { [TALK]: 1 }), drained(1, [theirs(2), theirs(2), theirs(3)]), ...END],
  ],
  'a drain from below the position': [
    ['drained above the position'],
    [...SENDS, reconnect(1, { [TALK]: 2 }), drained(1, [theirs(2), theirs(3)]), ...END],
  ],
  'a drain of what was acknowledged': [
    ['drained above the position'],
    [...SENDS, ack(2, false), ack(2, true), reconnect(1), drained(1, [theirs(2), theirs(3)]), ...END],
  ],
  'a device that holds one twice': [
    ['held once'],
    [...SENDS, ...END, held([theirs(1), theirs(2), theirs(2), theirs(3)])],
  ],
  'a seq that is missing': [['seq 1, 2, 3 …'], [send(1), sent(1), send(3), sent(3), ...finals(1, 3)]],
  'a conversation that begins at 2': [['seq 1, 2, 3 …'], [send(2), sent(2), ...finals(2)]],
  'a drain with a hole': [
    ['drained without a gap'],
    [...SENDS, reconnect(1, {}), drained(1, [theirs(1), theirs(3)]), ...END],
  ],
  'a drain that begins too late': [
    ['drained without a gap'],
    [...SENDS, reconnect(1, { [TALK]: 1 }), drained(1, [theirs(3)]), ...END],
  ],
  'two messages at one seq': [
    ['one message at a place'],
    [...SENDS, pushed({ ...theirs(2), messageId: 'id-9' }), ...END],
  ],
  'another content for the other member': [
    ['one message at a place'],
    [...SENDS, send(4), pushed({ ...theirs(2), content: 'content 4' }), ...END],
  ],
  'another time for the other member': [
    ['one message at a place'],
    [...SENDS, pushed({ ...theirs(2), sentAt: '2026-01-01T00:00:00.001Z' }), ...END],
  ],
  'a later send at an earlier seq': [
    ['confirmed first, placed first'],
    [send(2), sent(2), send(1), sent(1), ...finals(1, 2)],
  ],
  'a drain out of order': [
    ['drained in order', 'drained to the end'],
    [...SENDS, reconnect(1, { [TALK]: 1 }), drained(1, [theirs(3), theirs(2)]), ...END],
  ],
  'a device that holds them out of order': [
    ['held in order'],
    [...SENDS, ...END, held([theirs(2), theirs(1), theirs(3)])],
  ],
  'two conversations of one pair': [
    [
      'what was seen stays',
      'one conversation for a pair',
      'confirmed first, placed first',
      'what was confirmed stays',
    ],
    [...SENDS, send(4), sent(4, { conversationId: 'another', seq: 1 }), ...END],
  ],
  'a message pushed to a stranger': [
    ['seen by its members alone'],
    [...SENDS, pushed(theirs(1), 'mallory'), ...END],
  ],
  'a clientMessageId shown to the other': [
    ['clientMessageId shown to its sender alone'],
    [...SENDS, pushed(own(1)), ...END],
  ],
  'a content that nobody sent': [
    ['one message at a place', 'seen only what was sent'],
    [...SENDS, pushed({ ...theirs(2), content: 'forged' }), ...END],
  ],
  'a content from somebody else': [
    ['one message at a place', 'seen only what was sent'],
    [...SENDS, pushed(message(2, BOB), ALICE), ...END],
  ],
  'a confirmation with another clientMessageId': [
    ['confirmed as it was sent'],
    [...SENDS, send(2), sent(2, { clientMessageId: 'c-1' }, true), ...END],
  ],
  'a right send that was refused': [
    ['nothing right is refused'],
    [
      ...SENDS,
      { kind: 'refused', device: 'a1', user: ALICE, to: BOB, clientMessageId: 'c-4', code: 'bad_request' },
      ...END,
    ],
  ],
  'a message that nobody sent': [['seen only what was sent'], [...SENDS, ...finals(1, 2, 3, 4)]],
  'one id for two messages': [
    ['one place for a message'],
    [...SENDS.slice(0, 5), sent(3, { messageId: 'id-2' }), ...finalsWith(3, { messageId: 'id-2' })],
  ],
  'a repeated send that is another message': [
    ['one message for a send'],
    [
      ...SENDS,
      send(2),
      sent(2, { messageId: 'id-4', seq: 4 }, true),
      ...finalsWith(4, { content: 'content 2' }),
    ],
  ],
  'a pair with a second conversation': [
    ['one conversation for a pair'],
    [
      ...[send(1), send(2), sent(1), sent(2, { conversationId: 'another', seq: 1 })],
      ...finals(1),
      ...finalsWith(1, { conversationId: 'another', messageId: 'id-2', content: 'content 2' }, 'another'),
    ],
  ],
  'a drain with two that changed places': [
    ['drained in order'],
    [...SENDS, reconnect(1, {}), drained(1, [theirs(2), theirs(1), theirs(3)]), ...END],
  ],
};
