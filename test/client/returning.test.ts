import { afterEach, expect, test, vi } from 'vitest';
import { makeScriptedClient } from './support/scripted-client.ts';
import { flush } from './support/virtual-clock.ts';

afterEach(() => vi.unstubAllGlobals());

/** What a page has: a window and a document. */
function makePage() {
  const window = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window));
  vi.stubGlobal('removeEventListener', window.removeEventListener.bind(window));
  vi.stubGlobal('document', document);
  return {
    online: () => window.dispatchEvent(new Event('online')),
    show(visibilityState: string) {
      document.visibilityState = visibilityState;
      document.dispatchEvent(new Event('visibilitychange'));
    },
  };
}

type Page = ReturnType<typeof makePage>;
const returns: [string, (page: Page) => void][] = [
  ['the network is back', (page) => page.online()],
  ['the page is shown', (page) => page.show('visible')],
];

test.each(returns)(
  '%s: a dead connection is noticed within 30 seconds, without another ping meanwhile',
  async (_, back) => {
    const page = makePage();
    const { clock, connected, told, gateway } = makeScriptedClient();
    const connection = await connected();
    connection.mute();
    await clock.advance(10_000);
    back(page);
    back(page);
    await flush();
    expect(connection.actions()).toEqual(['ping']);
    await clock.advance(29_000);
    expect(connection.actions()).toEqual(['ping']);
    expect(connection.isClosed()).toBe(true);
    expect(told.state.find(({ reason }) => reason === 'silent')).toBeDefined();
    expect(gateway.waiting()).toBe(1);
  },
);

test.each(returns)('%s: a waiting attempt is made at once', async (_, back) => {
  const page = makePage();
  const { client, clock, gateway } = makeScriptedClient();
  client.connect();
  await flush();
  await gateway.next().cut();
  expect(gateway.waiting()).toBe(0);
  back(page);
  await flush();
  expect(gateway.waiting()).toBe(1);
  // A network that comes and goes makes no storm.
  for (let turn = 0; turn < 100; turn += 1) {
    if (gateway.waiting() > 0) await gateway.next().cut();
    back(page);
    await flush();
  }
  await clock.advance(0);
  expect(gateway.waiting()).toBe(0);
});

test('a page that is hidden is no reason, and neither is anything after the end', async () => {
  const page = makePage();
  const { client, connected, gateway, clock } = makeScriptedClient();
  const connection = await connected();
  connection.mute();
  page.show('hidden');
  await flush();
  expect(connection.actions()).toEqual([]);
  client.disconnect();
  for (const [, back] of returns) back(page);
  await clock.advance(60_000);
  expect(gateway.waiting()).toBe(0);
  expect(client.state()).toBe('disconnected');
});

test('a request without an answer ends a dead connection, and goes out over the next one', async () => {
  const { client, clock, connected, admit } = makeScriptedClient();
  const connection = await connected();
  connection.mute();
  void client.history({ conversationId: 'c' });
  await clock.advance(29_000);
  expect(connection.isClosed()).toBe(true);
  const next = await admit();
  expect(next.actions()).toEqual(['history']);
});
