import { createHash } from 'node:crypto';
import { hold } from '../target.ts';
import type { Frame } from './backend.ts';

const types =
  /^(message\.(sent|new)|receipt|ok|history\.page|conversations\.page|pong|error|reconnect\.(page|done))$/;

/** What holds of every frame that comes to `viewer`, whatever was sent: it is of a known type, and about conversations of theirs. */
export function checkFrame(frame: Frame, viewer: string): void {
  hold(types.test(String(frame.type)), `a frame of type ${frame.type}`);
  // The message of an error is a text.
  const own = frame.type === 'error' ? [] : (frame.message ?? []);
  for (const message of [own, frame.messages ?? []].flat() as Frame[]) {
    const { senderId, recipientId, conversationId, clientMessageId } = message;
    checkMembers([senderId, recipientId], conversationId, viewer);
    hold(clientMessageId === undefined || senderId === viewer, 'a clientMessageId of somebody else');
  }
  if (frame.type === 'receipt') checkMembers([frame.userId, viewer], frame.conversationId, viewer);
  for (const standing of [frame, ...((frame.conversations ?? []) as Frame[])]) {
    const { members, conversationId, lastSeq, deliveredSeq, readSeq = 0, unread = 0 } = standing;
    if (members !== undefined) checkMembers(members as unknown[], conversationId, viewer);
    if (deliveredSeq === undefined) continue;
    hold(Number(readSeq) <= Number(deliveredSeq), 'read before it was delivered');
    hold(Number(unread) >= 0, 'less than nothing unread');
    hold(lastSeq === undefined || Number(deliveredSeq) <= Number(lastSeq), 'delivered before it was sent');
  }
}

/** The id is a digest of its two members, of whom the viewer is one. */
function checkMembers(members: readonly unknown[], conversationId: unknown, viewer: string): void {
  const id = createHash('sha256')
    .update(`direct\n${[...members].map(String).sort().join('\n')}`)
    .digest('base64url');
  hold(members.includes(viewer) && id === conversationId, `${viewer} was shown a conversation of ${members}`);
}
