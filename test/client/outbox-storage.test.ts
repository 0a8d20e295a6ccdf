import { expect, test } from 'vitest';
import { webOutboxStorage } from '../../client/outbox-storage.ts';

/** What browsers have, in memory. */
function makeWebStorage(initial: Record<string, string>) {
  const rows = new Map(Object.entries(initial));
  return {
    get length() {
      return rows.size;
    },
    key: (index: number) => [...rows.keys()][index] ?? null,
    getItem: (key: string) => rows.get(key) ?? null,
    setItem: (key: string, value: string) => void rows.set(key, value),
    removeItem: (key: string) => void rows.delete(key),
    keys: () => [...rows.keys()],
  };
}

const send = (clientMessageId: string) => ({
  clientMessageId,
  recipientId: 'bob',
  content: 'hi',
  queuedAt: 1,
});

test('keeps each message under its prefix and touches nothing else', async () => {
  const storage = makeWebStorage({ theme: 'dark', 'outbox alice other': 'x' });
  const outbox = webOutboxStorage(storage, 'outbox bob ');
  await outbox.put(send('a'));
  await outbox.put(send('b'));
  expect(await outbox.all()).toEqual([send('a'), send('b')]);
  await outbox.remove('a');
  await outbox.remove('never there');
  expect(await outbox.all()).toEqual([send('b')]);
  expect(storage.keys()).toEqual(['theme', 'outbox alice other', 'outbox bob b']);
});

test('what somebody else has put there is passed over', async () => {
  const outbox = webOutboxStorage(
    makeWebStorage({ 'p x': 'not JSON', 'p y': '{"content":1}', 'p z': JSON.stringify(send('z')) }),
    'p ',
  );
  expect(await outbox.all()).toEqual([send('z')]);
});
