import fc from 'fast-check';
import { expect, test } from 'vitest';
import { directConversationId, isConversationId } from '#shared/log/conversation.ts';

const characters = 'ABCXYZabcxyz0189._:@|-'.split('');
const userId = fc.string({ unit: fc.constantFrom(...characters), minLength: 1, maxLength: 128 });

test('a conversation of two has one id, whichever of them writes first', () => {
  fc.assert(
    fc.property(userId, userId, (one, other) => {
      const id = directConversationId(one, other);
      expect(id).toBe(directConversationId(other, one));
      expect(isConversationId(id)).toBe(true);
    }),
  );
});

test('no part of either id makes two pairs collide', () => {
  fc.assert(
    fc.property(userId, userId, fc.nat(), (one, other, cut) => {
      const joined = one + other;
      const at = 1 + (cut % (joined.length - 1 || 1));
      const [left, right] = [joined.slice(0, at), joined.slice(at)];
      fc.pre(right !== '' && [left, right].sort().join(' ') !== [one, other].sort().join(' '));
      expect(directConversationId(left, right)).not.toBe(directConversationId(one, other));
    }),
  );
});
