import type { Message } from '../support/shapes.ts';

/** What identifies a send: its sender's name for it, in the conversation with one other. */
export interface SendName {
  readonly user: string;
  readonly to: string;
  readonly clientMessageId: string;
}

interface OfDevice {
  readonly device: string;
  readonly user: string;
}

/** One attempt to send, at the moment when it goes out. */
export interface SendEvent extends OfDevice, SendName {
  readonly kind: 'send';
  readonly content: string;
}

/** The confirmation of an attempt. */
export interface SentEvent extends OfDevice, SendName {
  readonly kind: 'sent';
  readonly message: Message;
  readonly duplicate: boolean;
}

/** An attempt that was refused for good, although nothing was wrong with it. */
export interface RefusedEvent extends OfDevice, SendName {
  readonly kind: 'refused';
  readonly code: string;
}

export interface PushedEvent extends OfDevice {
  readonly kind: 'pushed';
  readonly message: Message;
}

/** A reconnect at the moment when it goes out; without positions, the server goes by what was acknowledged. */
export interface ReconnectEvent extends OfDevice {
  readonly kind: 'reconnect';
  readonly drain: number;
  readonly positions?: Readonly<Record<string, number>>;
}

/** What a reconnect gave: `cut` when the connection was lost before its end. */
export interface DrainedEvent extends OfDevice {
  readonly kind: 'drained';
  readonly drain: number;
  readonly messages: readonly Message[];
  readonly more: boolean;
  readonly cut: boolean;
}

/** An acknowledgement: `confirmed` false when it goes out, true once it was answered `ok`. */
export interface AckEvent extends OfDevice {
  readonly kind: 'ack';
  readonly positions: Readonly<Record<string, number>>;
  readonly confirmed: boolean;
}

export interface HistoryEvent extends OfDevice {
  readonly kind: 'history';
  readonly after: number;
  readonly messages: readonly Message[];
}

/** A `block` or `unblock`: `confirmed` false when it goes out, true once it was answered `ok`. */
export interface BlockEvent extends OfDevice {
  readonly kind: 'block';
  readonly other: string;
  readonly blocked: boolean;
  readonly confirmed: boolean;
}

/** What a device holds of a conversation at the end, in its order. */
export interface HeldEvent extends OfDevice {
  readonly kind: 'held';
  readonly messages: readonly Message[];
}

/** A conversation at the end, as one of its members reads it from the first message to the last. */
export interface FinalEvent {
  readonly kind: 'final';
  readonly user: string;
  readonly conversationId: string;
  readonly messages: readonly Message[];
}

/** Everything that the clients of one run have done and seen, in the order of real time. */
export type Event =
  | SendEvent
  | SentEvent
  | RefusedEvent
  | PushedEvent
  | ReconnectEvent
  | DrainedEvent
  | AckEvent
  | HistoryEvent
  | BlockEvent
  | HeldEvent
  | FinalEvent;

/** The messages that a user has seen by an event. */
export function messagesOf(event: Event): readonly Message[] {
  switch (event.kind) {
    case 'sent':
    case 'pushed':
      return [event.message];
    case 'drained':
    case 'history':
    case 'held':
    case 'final':
      return event.messages;
    default:
      return [];
  }
}
