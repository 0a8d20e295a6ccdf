import { describe, expect, it } from 'vitest';
import { makeMemoryCache } from '#shared/cache/memory-cache.lru.ts';
import { conversation, message, messages, seqs } from './support/doubles.ts';

describe('the memory tier', () => {
  it('gives back what it was given, within the range asked for', async () => {
    const cache = makeMemoryCache();
    const given = messages(1, 5);
    for (const one of given) await cache.put(one);

    expect(await cache.range(conversation, 2, 4)).toEqual(given.slice(1, 4));
    expect(await cache.range('another', 1, 5)).toEqual([]);
  });

  it('keeps the last 100 of a conversation, in whatever order they came', async () => {
    const cache = makeMemoryCache();
    for (const one of messages(1, 150).reverse()) await cache.put(one);

    const kept = seqs(await cache.range(conversation, 1, 1_000));

    expect(kept).toHaveLength(100);
    expect(kept.at(0)).toBe(51);
    expect(kept.at(-1)).toBe(150);
  });

  it('holds a message once', async () => {
    const cache = makeMemoryCache();
    await cache.put(message(1));
    const last = message(1);
    await cache.put(last);

    expect(await cache.range(conversation, 1, 1)).toEqual([last]);
  });

  it('forgets the conversations that were used least recently', async () => {
    const cache = makeMemoryCache({ maxConversations: 2 });
    await cache.put(message(1, { conversationId: 'first' }));
    await cache.put(message(1, { conversationId: 'second' }));
    await cache.range('first', 1, 1);
    await cache.put(message(1, { conversationId: 'third' }));

    expect(await cache.range('first', 1, 1)).toHaveLength(1);
    expect(await cache.range('second', 1, 1)).toEqual([]);
    expect(await cache.range('third', 1, 1)).toHaveLength(1);
  });

  it('is bounded by bytes over all conversations', async () => {
    const cache = makeMemoryCache({ maxBytes: 100_000 });
    const ciphertext = new Uint8Array(10_000);
    for (let index = 0; index < 50; index += 1) {
      await cache.put(message(1, { conversationId: `conversation ${index}`, ciphertext }));
    }

    const kept = [];
    for (let index = 0; index < 50; index += 1)
      kept.push(...(await cache.range(`conversation ${index}`, 1, 1)));

    expect(kept.length).toBeGreaterThanOrEqual(8);
    expect(kept.length).toBeLessThan(10);
  });

  it('is bounded by bytes within one conversation as well, keeping its newest', async () => {
    const cache = makeMemoryCache({ maxBytes: 100_000 });
    const ciphertext = new Uint8Array(10_000);
    for (let seq = 1; seq <= 50; seq += 1) await cache.put(message(seq, { ciphertext }));

    const kept = seqs(await cache.range(conversation, 1, 50));

    expect(kept.at(-1)).toBe(50);
    expect(kept.length).toBeGreaterThanOrEqual(8);
    expect(kept.length).toBeLessThan(10);
  });

  it('does not keep what is larger than all of it', async () => {
    const cache = makeMemoryCache({ maxBytes: 200 });
    await cache.put(message(1, { ciphertext: new Uint8Array(2_000) }));

    expect(await cache.range(conversation, 1, 1)).toEqual([]);
  });

  it('drops one entry and leaves the others', async () => {
    const cache = makeMemoryCache();
    for (const one of messages(1, 3)) await cache.put(one);

    await cache.drop(conversation, 2);
    await cache.drop(conversation, 9);
    await cache.drop('another', 1);

    expect(seqs(await cache.range(conversation, 1, 3))).toEqual([1, 3]);
  });

  it('keeps bytes of its own', async () => {
    const cache = makeMemoryCache();
    const reply = Buffer.alloc(100_000, 1);
    await cache.put(message(1, { ciphertext: reply.subarray(0, 50) }));
    reply.fill(2);

    const [kept] = await cache.range(conversation, 1, 1);

    expect(kept?.ciphertext).toEqual(new Uint8Array(50).fill(1));
    expect(kept?.ciphertext.buffer.byteLength).toBe(50);
  });
});
