import { notFound } from '#shared/limits/refusals.ts';
import type { ProtocolError } from '#shared/protocol/errors.ts';
import { badRequest } from '#shared/protocol/fields.ts';
import type { MailboxMove, MailboxNumbers } from './mailboxes.ts';

/** The mailbox that moved, if it did: what receipts tell of. */
export function movedMailbox(move: MailboxMove): MailboxNumbers[] {
  return move.moved ? [move.mailbox] : [];
}

/** An older position is no fault: it came late, and nothing moves. */
export function faultOf(move: MailboxMove): ProtocolError | undefined {
  if (move.moved || move.reason === 'older') return undefined;
  return move.reason === 'not_found' ? notFound() : beyondEnd();
}

export function beyondEnd(): ProtocolError {
  return badRequest('The position lies beyond the last message.', 'Name the seq of a message that exists.');
}
