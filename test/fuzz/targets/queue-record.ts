import { parseReference } from '#shared/delivery/delivery-queue.ts';
import { isConversationId } from '#shared/log/conversation.ts';
import { isUserId } from '#shared/protocol/user-id.ts';
import { type FuzzTarget, hold, textOf } from '../target.ts';

const reference = {
  recipientId: 'bob',
  conversationId: 'c'.repeat(43),
  seq: 1,
  messageId: '0199a1b2-c3d4-7e5f-8a9b-000000000001',
};

/** The body of a queue's record: a reference as we write them and nothing beside it, or an error. */
export const target: FuzzTarget = {
  files: [
    'shared/delivery/delivery-queue.sqs.ts',
    'shared/protocol/user-id.ts',
    'shared/log/conversation.ts',
  ],
  seeds: [
    JSON.stringify(reference),
    JSON.stringify({ ...reference, isLastLook: true }),
    'null',
    '[]',
    '"text"',
  ],
  words: [
    '"recipientId":',
    '"conversationId":',
    '"seq":',
    '"messageId":',
    '"isLastLook":',
    '"__proto__":',
    'null',
    '{',
    '}',
    ',',
  ],
  run(input) {
    const parsed = parsedOf(textOf(input));
    if (parsed === undefined) return;
    const { recipientId, conversationId, seq, messageId, isLastLook, ...rest } = parsed;
    hold(Object.keys(rest).length === 0, 'something beside the reference');
    hold(isUserId(recipientId) && isConversationId(conversationId), 'ids that are none');
    hold(Number.isSafeInteger(seq) && seq >= 1, 'a seq that is none');
    hold(isLastLook === undefined || isLastLook === true, 'a look that is none');
    hold(typeof messageId === 'string', 'a messageId that is none');
  },
};

function parsedOf(body: string) {
  try {
    return parseReference(body);
  } catch (error) {
    hold(error instanceof SyntaxError || /not a message reference/.test(String(error)), `a defect: ${error}`);
    return undefined;
  }
}
