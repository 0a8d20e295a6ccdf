import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DataKeyUnavailable } from '#shared/keys/data-key-memory.ts';
import { UnknownDataKey } from '#shared/keys/data-keys.ts';
import { makeMessageCipher } from '#shared/keys/message-cipher.aes.ts';
import { UnreadableMessage } from '#shared/runtime/failures.ts';
import { anyPlace, anyText, makeCipher } from './support/ciphers.ts';
import { keySalt, place } from './support/environment.ts';

const anySalt = fc.uint8Array({ minLength: 16, maxLength: 64 });

describe('round trip', () => {
  test('any content opens in its place', async () => {
    const cipher = makeCipher();
    await fc.assert(
      fc.asyncProperty(anyPlace, anySalt, anyText, async (anywhere, salt, content) => {
        const sealed = await cipher.seal(anywhere, salt, content);
        expect(sealed.byteLength).toBe(Buffer.byteLength(content) + 45);
        expect(await cipher.open(anywhere, salt, sealed)).toBe(content);
      }),
      { numRuns: 500 },
    );
  });

  test('the largest content has the same 45 bytes of overhead', async () => {
    const cipher = makeCipher();
    const content = '€'.repeat(5_461);
    const sealed = await cipher.seal(place, keySalt, content);
    expect(sealed.byteLength).toBe(16_383 + 45);
    expect(await cipher.open(place, keySalt, sealed)).toBe(content);
  });

  test('the same message sealed twice looks different', async () => {
    const cipher = makeCipher();
    const [one, other] = [await cipher.seal(place, keySalt, 'hi'), await cipher.seal(place, keySalt, 'hi')];
    expect(Buffer.from(one).equals(other)).toBe(false);
  });
});

describe('what was altered does not open', () => {
  test('every single bit of a sealed message matters', async () => {
    const cipher = makeCipher();
    const sealed = await cipher.seal(place, keySalt, 'hello');
    for (let bit = 0; bit < sealed.byteLength * 8; bit += 1) {
      const altered = flip(sealed, bit);
      await expect(cipher.open(place, keySalt, altered), `bit ${bit}`).rejects.toThrow(UnreadableMessage);
    }
  });

  test('any bit, any content, any place', async () => {
    const cipher = makeCipher();
    await fc.assert(
      fc.asyncProperty(anyPlace, anyText, fc.nat(), async (anywhere, content, bit) => {
        const sealed = await cipher.seal(anywhere, keySalt, content);
        const altered = flip(sealed, bit % (sealed.byteLength * 8));
        await expect(cipher.open(anywhere, keySalt, altered)).rejects.toThrow(UnreadableMessage);
      }),
      { numRuns: 500 },
    );
  });

  test('any bit of the key salt', async () => {
    const cipher = makeCipher();
    await fc.assert(
      fc.asyncProperty(anySalt, fc.nat(), async (salt, bit) => {
        const sealed = await cipher.seal(place, salt, 'hello');
        const altered = flip(salt, bit % (salt.byteLength * 8));
        await expect(cipher.open(place, altered, sealed)).rejects.toMatchObject({ reason: 'notAuthentic' });
      }),
    );
  });

  test('any bytes that were never sealed, and any part of what was', async () => {
    const cipher = makeCipher();
    const sealed = await cipher.seal(place, keySalt, 'hello');
    const header = sealed.subarray(0, 29);
    const forged = fc.oneof(
      fc.uint8Array({ maxLength: 120 }),
      fc.uint8Array({ maxLength: 90 }).map((tail) => new Uint8Array(Buffer.concat([header, tail]))),
      fc.nat(sealed.byteLength - 1).map((length) => sealed.subarray(0, length)),
      fc
        .uint8Array({ minLength: 1, maxLength: 9 })
        .map((more) => new Uint8Array(Buffer.concat([sealed, more]))),
    );
    await fc.assert(
      fc.asyncProperty(forged, async (bytes) => {
        await expect(cipher.open(place, keySalt, bytes)).rejects.toThrow(UnreadableMessage);
      }),
      { numRuns: 500 },
    );
  });
});

describe('reasons', () => {
  const cipher = makeCipher();
  const sealed = () => cipher.seal(place, keySalt, 'hello');

  test('too short, or not there', async () => {
    const short = (await sealed()).subarray(0, 44);
    await expect(cipher.open(place, keySalt, short)).rejects.toMatchObject({ reason: 'malformed' });
    const missing = undefined as unknown as Uint8Array;
    await expect(cipher.open(place, keySalt, missing)).rejects.toMatchObject({ reason: 'malformed' });
  });

  test('a version of the future', async () => {
    const future = Uint8Array.from(await sealed());
    future[0] = 2;
    await expect(cipher.open(place, keySalt, future)).rejects.toMatchObject({ reason: 'unknownVersion' });
  });

  test('a data key that does not exist', async () => {
    const opened = makeCipher().open(place, keySalt, await sealed());
    await expect(opened).rejects.toMatchObject({
      reason: 'unknownDataKey',
      cause: expect.any(UnknownDataKey),
    });
  });

  test('a shredded conversation: the salt is gone or emptied', async () => {
    for (const gone of [undefined as unknown as Uint8Array, new Uint8Array(0), new Uint8Array(15)]) {
      await expect(cipher.open(place, gone, await sealed())).rejects.toMatchObject({ reason: 'noKeySalt' });
    }
  });

  test('the error names the message and holds neither content nor key', async () => {
    const content = 'a secret of some length';
    const altered = flip(await cipher.seal(place, keySalt, content), 300);
    const error = await cipher.open(place, keySalt, altered).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      name: 'UnreadableMessage',
      reason: 'notAuthentic',
      conversationId: place.conversationId,
      seq: place.seq,
      cause: expect.any(Error),
    });
    const shown = inspect(error, { depth: Infinity, showHidden: true });
    expect(shown).toContain(place.conversationId);
    expect(shown).not.toContain(content);
    expect(shown).not.toContain(Buffer.from(cipher.hand.dataKey.key).toString('hex'));
  });
});

describe('what cannot be opened again is not sealed', () => {
  const cipher = makeCipher();

  test.each([
    ['a lone surrogate in the content', place, keySalt, 'half \ud83d'],
    ['a lone surrogate in an id', { ...place, senderId: '\udc00' }, keySalt, 'hello'],
    ['a broken seq', { ...place, seq: 1.5 }, keySalt, 'hello'],
    ['a lone surrogate in the clientMessageId', { ...place, clientMessageId: '\ud83d' }, keySalt, 'hello'],
    ['a broken count', { ...place, senderCount: 0.5 }, keySalt, 'hello'],
    ['a seq that is no exact number', { ...place, seq: 2 ** 53 }, keySalt, 'hello'],
    ['a negative time', { ...place, sentAt: -1 }, keySalt, 'hello'],
    ['a salt that is too short', place, new Uint8Array(15), 'hello'],
  ])('%s', async (_, where, salt, content) => {
    await expect(cipher.seal(where, salt, content)).rejects.toThrow(RangeError);
  });
});

describe('data keys', () => {
  test('their failures pass through: an outage never makes a message unreadable', async () => {
    const sealed = await makeCipher().seal(place, keySalt, 'hello');
    const outage = new DataKeyUnavailable('unreachable', 'KMS is out of reach.');
    const fails = async () => {
      throw outage;
    };
    const cipher = makeMessageCipher({ dataKeys: { current: fails, byId: fails }, randomBytes });
    await expect(cipher.open(place, keySalt, sealed)).rejects.toBe(outage);
    await expect(cipher.seal(place, keySalt, 'hello')).rejects.toBe(outage);
  });

  test('what was derived goes with the object that it was derived from', async () => {
    const cipher = makeCipher();
    const sealed = await cipher.seal(place, keySalt, 'hello');
    const { keyId, key } = cipher.hand.dataKey;

    cipher.hand.dataKey = { keyId, key: randomBytes(32) };
    await expect(cipher.open(place, keySalt, sealed)).rejects.toMatchObject({ reason: 'notAuthentic' });

    cipher.hand.dataKey = { keyId, key };
    expect(await cipher.open(place, keySalt, sealed)).toBe('hello');
  });

  test('more conversations than derived keys are kept', async () => {
    const cipher = makeCipher();
    const places = Array.from({ length: 250 }, (_, index) => ({ ...place, conversationId: `c${index}` }));
    const sealed = await Promise.all(places.map((each) => cipher.seal(each, keySalt, each.conversationId)));
    for (const [index, each] of places.entries()) {
      expect(await cipher.open(each, keySalt, sealed[index] ?? new Uint8Array())).toBe(each.conversationId);
    }
  });
});

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const altered = Uint8Array.from(bytes);
  const at = Math.floor(bit / 8);
  altered[at] = (altered[at] ?? 0) ^ (1 << (bit % 8));
  return altered;
}
