import { limits } from '#shared/protocol/limits.ts';
import type { PostriderError } from '../client/errors.ts';
import type { StateChange } from '../client/session.ts';
import type { Conversation } from './conversation.ts';

export const noConnection = 'There is no connection. Try again when you are online.';

/** The state of the connection, as a person wants to read it. */
export function explainState({ state, reason, retryInMs }: StateChange): string {
  if (state === 'connected') return 'Connected';
  if (state === 'disconnected') return 'Offline';
  if (retryInMs === undefined) return reason === 'connect' ? 'Connecting …' : 'Connection lost, connecting …';
  return retryInMs < 1_000
    ? 'No connection, trying again …'
    : `No connection, trying again in ${Math.ceil(retryInMs / 1_000)} s`;
}

/** Why a message of this conversation was not sent, and what to do. */
export function explainRefusal(
  { code, message, remedy }: PostriderError,
  { peer, isBlocked }: Pick<Conversation, 'peer' | 'isBlocked'>,
): string {
  // It is still read when the block is over.
  if (code === 'forbidden' && isBlocked) return `You had blocked ${peer}. Unblock ${peer}, then try again.`;
  if (code === 'forbidden') return `You and ${peer} cannot write to each other at present.`;
  if (code === 'too_large')
    return `This is too long: ${limits.contentBytes.toLocaleString('en')} bytes are allowed. Send it in parts.`;
  if (code === 'queue_full') return 'Too many messages wait already. Wait until you are online again.';
  if (code === 'internal' || code === 'unavailable') return 'The server could not take it. Try again later.';
  if (code === 'offline') return noConnection;
  return `${message} ${remedy}`;
}

/** `2 messages wait to be sent`, or nothing. */
export function explainQueue(waiting: number): string {
  if (waiting === 0) return '';
  return waiting === 1 ? '1 message waits to be sent' : `${waiting} messages wait to be sent`;
}
