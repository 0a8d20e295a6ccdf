import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countSends, noRecentSends, rememberSend, sendsAfter, sendsLike } from '#shared/log/recent-sends.ts';

const ids = fc.array(fc.option(fc.string({ minLength: 1 }), { nil: undefined }), { maxLength: 200 });

test('it remembers the last 64 sends, 10 bytes each, those without an id among them', () => {
  fc.assert(
    fc.property(ids, (sent) => {
      const sends = sent.reduce((ring, id, index) => rememberSend(ring, id, index + 1), noRecentSends);
      const last = sent.map((id, index) => ({ id, seq: index + 1 })).slice(-64);

      expect(sends.byteLength).toBe(last.length * 10);
      expect(countSends(sends)).toBe(last.length);
      for (const { id, seq } of last) {
        if (id !== undefined) expect(sendsLike(sends, id)).toContain(seq);
        expect(sendsAfter(sends, seq)).toBe(sent.length - seq);
      }
    }),
  );
});

test('an id that was not sent is not found', () => {
  const sends = rememberSend(rememberSend(noRecentSends, 'one', 1), undefined, 2);
  expect(sendsLike(sends, 'two')).toStrictEqual([]);
});

test('the newest of several comes first', () => {
  const sends = rememberSend(rememberSend(noRecentSends, 'one', 1), 'one', 7);
  expect(sendsLike(sends, 'one')).toStrictEqual([7, 1]);
});
