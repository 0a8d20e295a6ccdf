import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { sendTo } from '#test/contract/support/calls.ts';
import { attempt, type Client } from '#test/contract/support/client.ts';
import { asSubprotocol } from '#test/contract/support/contract.ts';
import { openSharedStack } from '#test/contract/support/target.ts';
import { expectAccessible } from './accessible.ts';
import { browserPath, launchBrowser } from './browser.ts';
import { makePerson, type Person } from './person.ts';

const testMs = 120_000;
const waitMs = 40_000;
const phone = { width: 360, height: 740 };
/** Vitest's own second is too short for a machine that has other things to do. */
const eventually = <Value>(read: () => Value) => expect.poll(read, { timeout: waitMs });

const messagesTo = (count: number) => Array.from({ length: count }, (_, index) => `message ${index + 1}`);

describe.skipIf(browserPath === undefined)('the demo page, in Chromium', () => {
  let stack: Awaited<ReturnType<typeof openSharedStack>>;
  let browser: Browser;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    stack = await openSharedStack(inject('sharedStackDoor'));
    browser = await launchBrowser();
  }, testMs);
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  }, testMs);

  beforeEach(async () => {
    page = await newPage();
  }, testMs);
  afterEach(async ({ task }) => {
    const shown = task.result?.state === 'fail' ? await page.locator('body').ariaSnapshot() : '';
    await page.context().close();
    expect(shown, 'what the page showed when the test failed').toBe('');
    expect(complaints, 'what the console says').toEqual([]);
  });

  async function newPage(): Promise<Page> {
    const opened = await (await browser.newContext()).newPage();
    opened.setDefaultTimeout(waitMs);
    complaints = [];
    opened.on('console', (line) => complaints.push(line.text()));
    opened.on('pageerror', (error) => complaints.push(String(error)));
    opened.on('requestfailed', (request) => complaints.push(`${request.url()} failed`));
    return opened;
  }

  /** Opens the page with these people, who are new to the server, and waits until all are connected. */
  async function openFor(...names: string[]): Promise<Person[]> {
    const mark = Math.random().toString(36).slice(2, 8);
    const users = names.map((name) => `${name}-${mark}`);
    await page.goto(`${stack.httpUrl}/?devices=${users.join(',')}`);
    const people = users.map((user) => makePerson(page, user));
    for (const { device } of people) await device.getByText('Connected').waitFor();
    const [first, second] = people;
    if (first && second)
      for (const [one, other] of [
        [first, second],
        [second, first],
      ] as const)
        await one.writeTo(other.user);
    return people;
  }

  /** A device of the same server that is no page. */
  async function deviceOf(user: string): Promise<Client> {
    const handshake = await attempt(stack.url, asSubprotocol(await stack.token(user)));
    if (!handshake.opened) throw new Error(`the handshake was refused with ${handshake.status}`);
    return handshake.client;
  }

  /** Bob has them all elsewhere, so that his device here starts with the newest page of them. */
  async function openLongConversation(count: number) {
    const mark = Math.random().toString(36).slice(2, 8);
    const [from, to] = [`alice-${mark}`, `bob-${mark}`];
    const writer = await deviceOf(from);
    for (const content of messagesTo(count - 1)) await sendTo(writer, to, content);
    const { conversationId, seq } = await sendTo(writer, to, `message ${count}`);
    await (await deviceOf(to)).request({ action: 'ack', positions: { [conversationId]: seq } });
    await page.goto(`${stack.httpUrl}/?devices=${to}`);
    const bob = makePerson(page, to);
    await bob.device.locator('.tabs').getByRole('button', { name: from }).click();
    return { bob, sayNext: () => sendTo(writer, to, `message ${count + 1}`) };
  }

  async function boxOf(locator: Locator) {
    const box = await locator.boundingBox();
    if (!box) throw new Error('it is not shown');
    return box;
  }

  /** From now on each page of history waits until it is let through. */
  async function holdHistory() {
    const held: (() => void)[] = [];
    await page.routeWebSocket(/local/, (socket) => {
      const server = socket.connectToServer();
      server.onMessage((frame) => {
        const pass = () => socket.send(frame);
        if (JSON.parse(String(frame)).type === 'history.page') held.push(pass);
        else pass();
      });
    });
    return {
      /** The oldest that waits, once there is one. */
      async letThrough(): Promise<void> {
        await eventually(() => held.length).toBeGreaterThan(0);
        held.shift()?.();
      },
    };
  }

  async function pair(): Promise<[Person, Person]> {
    const [alice, bob] = await openFor('alice', 'bob');
    if (!alice || !bob) throw new Error('two people are wanted');
    return [alice, bob];
  }

  test(
    'without an address of its own it shows alice and bob',
    async () => {
      await page.goto(`${stack.httpUrl}/`);
      for (const user of ['alice', 'bob'])
        await makePerson(page, user).device.getByText('Connected').waitFor();
      const { messages } = makePerson(page, 'alice');
      await messages.getByText('No messages with bob yet. Write the first one below').waitFor();
    },
    testMs,
  );

  test(
    'each device begins with somebody else who is on the page, and stays with whom it turned to over a reload',
    async () => {
      const mark = Math.random().toString(36).slice(2, 8);
      const users = ['erin', 'frank', 'gina'].map((name) => `${name}-${mark}`);
      const people = users.map((user) => makePerson(page, user));
      const shown = async () =>
        await Promise.all(
          people.map(({ device }) => device.locator('.tabs [aria-current]').allTextContents()),
        );
      const [erin = '', frank = '', gina = ''] = users;
      await page.goto(`${stack.httpUrl}/?devices=${users.slice(0, 2).join(',')}`);
      await page.getByPlaceholder('Add a device of').fill(gina);
      await page.keyboard.press('Enter');
      await eventually(shown).toEqual([[frank], [erin], [erin]]);
      await people[1]?.writeTo(gina);
      await people[2]?.writeTo('somebody');
      await page.reload();
      await eventually(shown).toEqual([[frank], [gina], ['somebody']]);
    },
    testMs,
  );

  test(
    'two people talk, and ticks tell how far a message has got',
    async () => {
      const [alice, bob] = await pair();
      await alice.say('Are you there?');
      await bob.message('Are you there?').waitFor();
      await alice.message('Are you there?').getByText('Delivered').waitFor();
      await bob.device.getByRole('textbox', { name: /^Message/ }).focus();
      await alice.message('Are you there?').getByText('Read', { exact: true }).waitFor();
      await bob.say('<b>Yes</b>\nI am.');
      await alice.message('<b>Yes</b> I am.').waitFor();
      expect(await alice.messages.locator('b').count()).toBe(0);
      await bob.say('\u0007bell, \u001b[31mescape, \u202eturned, \u0085tab\tand\nline');
      await alice.message('\\u0007bell, \\u001b[31mescape, \u202eturned, \\u0085tab and line').waitFor();
      expect((await alice.texts()).at(-1)).toBe(
        '\\u0007bell, \\u001b[31mescape, \u202eturned, \\u0085tab\tand\nline',
      );
    },
    testMs,
  );

  test(
    'offline, messages wait in view; online again, both sides catch up in order',
    async () => {
      const [alice, bob] = await pair();
      await alice.say('before');
      await alice.message('before').getByText('Delivered').waitFor();
      await alice.device.getByLabel('Offline').check();
      for (const content of ['one', 'two']) await alice.say(content);
      await alice.device.getByText('Offline · 2 messages wait to be sent').waitFor();
      await alice.message('two').getByText('Waiting to be sent').waitFor();
      for (const content of ['three', 'four']) await bob.say(content);
      await bob.message('four').getByText('Sent', { exact: true }).waitFor();
      await alice.device.getByLabel('Offline').uncheck();
      await alice.message('four').waitFor();
      await bob.message('two').waitFor();
      expect(await bob.texts()).toEqual(['before', 'three', 'four', 'one', 'two']);
      await alice.message('two').getByText('Delivered').waitFor();
      expect(await alice.texts()).toEqual(['before', 'three', 'four', 'one', 'two']);
    },
    testMs,
  );

  test(
    'what waited is sent after the page was loaded anew',
    async () => {
      const [alice, bob] = await pair();
      await alice.device.getByLabel('Offline').check();
      await alice.say('from before');
      await alice.message('from before').waitFor();
      await page.reload();
      await bob.message('from before').waitFor();
    },
    testMs,
  );

  test(
    'ticks, blocks and what is not sent yet are there after the page was loaded anew',
    async () => {
      const [alice, bob] = await pair();
      await alice.say('hello');
      await bob.message('hello').waitFor();
      await bob.device.getByRole('textbox', { name: /^Message/ }).focus();
      await alice.message('hello').getByText('Read', { exact: true }).waitFor();
      await bob.block(alice.user);
      await alice.device.getByRole('textbox', { name: /^Message/ }).fill('a draft');
      await page.reload();
      await alice.message('hello').getByText('Read', { exact: true }).waitFor();
      await bob.device.getByRole('button', { name: `Unblock ${alice.user}` }).waitFor();
      const field = alice.device.getByRole('textbox', { name: /^Message/ });
      expect(await field.inputValue()).toBe('a draft');
    },
    testMs,
  );

  test.each([
    ['the inspector open', { width: 1280, height: 640 }],
    ['on a phone', phone],
    ['on a phone that lies on its side', { width: 740, height: 360 }],
  ] as const)(
    'however long a draft and a name are, messages and buttons stay in view: %s',
    async (_, viewport) => {
      await page.setViewportSize(viewport);
      const [alice] = await openFor('alice', 'b'.repeat(100));
      if (!alice) throw new Error('alice is wanted');
      await page.locator('#inspector > summary').click();
      await alice.say('hello');
      await alice.message('hello').waitFor();
      await alice.device.getByRole('textbox', { name: /^Message/ }).fill('a line\n'.repeat(60));
      await alice.device.getByText(/^Block b/).scrollIntoViewIfNeeded();
      const panel = await boxOf(alice.device);
      expect((await boxOf(alice.messages)).height, 'room for messages').toBeGreaterThan(40);
      for (const name of ['Send', /^Block b/, /^Remove/]) {
        const box = await boxOf(alice.device.getByRole('button', { name }));
        expect(box.y + box.height, String(name)).toBeLessThanOrEqual(panel.y + panel.height);
        expect(box.x + box.width, String(name)).toBeLessThanOrEqual(panel.x + panel.width);
      }
    },
    testMs,
  );

  test(
    'history comes as one scrolls back, and the reader stays where they are',
    async () => {
      const history = await holdHistory();
      const { bob, sayNext } = await openLongConversation(70);
      await history.letThrough();
      await bob.message('message 41').waitFor();
      for (const [oldest, next] of [
        ['message 41', 'message 11'],
        ['message 11', 'message 1'],
      ] as const) {
        await bob.messages.press('Home');
        await eventually(bob.pixelsAbove).toBe(0);
        const { y } = await boxOf(bob.message(oldest));
        // No key is pressed while the page comes, so nothing but the list itself can move the reader.
        await history.letThrough();
        await bob.message(next).waitFor();
        const moved = (await boxOf(bob.message(oldest))).y - y;
        expect(Math.abs(moved), 'pixels from where the reader was').toBeLessThan(2);
      }
      expect(await bob.pixelsAbove(), 'what was read before is still in view').toBeGreaterThan(0);
      expect(await bob.texts()).toEqual(messagesTo(70));
      await sayNext();
      await bob.device.getByRole('button', { name: 'New messages' }).click();
      await bob.message('message 71').waitFor();
    },
    testMs,
  );

  test(
    'a conversation of five pages scrolls back to its first',
    async () => {
      const { bob } = await openLongConversation(150);
      await bob.message('message 150').waitFor();
      expect(await bob.message('message 1').count()).toBe(0);
      while ((await bob.message('message 1').count()) === 0) {
        await bob.messages.press('Home');
        await page.waitForTimeout(20);
      }
      expect(await bob.texts()).toEqual(messagesTo(150));
      await bob.messages.press('End');
      await bob.message('message 150').waitFor();
      await eventually(bob.pixelsBelow).toBeLessThan(2);
      await page.setViewportSize({ width: 1280, height: 500 });
      await eventually(bob.pixelsBelow).toBeLessThan(2);
    },
    testMs,
  );

  test(
    'who has begun to scroll back is not pulled to the end by a tick',
    async () => {
      const [alice, bob] = await pair();
      for (let index = 1; index <= 30; index += 1) await alice.say(`message ${index}`);
      await bob.message('message 30').waitFor();
      await alice.device.getByLabel('Offline').check();
      await bob.say('Did you get this?');
      await bob.message('Did you get this?').getByText('Sent', { exact: true }).waitFor();
      await eventually(bob.pixelsBelow).toBeLessThan(2);
      await bob.messages.evaluate((list) => {
        list.scrollTop -= 40;
      });
      await alice.device.getByLabel('Offline').uncheck();
      await bob.message('Did you get this?').getByText('Read', { exact: true }).waitFor();
      expect(await bob.pixelsBelow()).toBeCloseTo(40, 0);
    },
    testMs,
  );

  test(
    'who is at the end stays there when the list becomes lower before a scroll to the end is told',
    async () => {
      const [alice, bob] = await pair();
      for (let index = 1; index <= 30; index += 1) await alice.say(`message ${index}`);
      await bob.message('message 30').waitFor();
      await eventually(bob.pixelsBelow).toBeLessThan(2);
      expect(
        await page.evaluate('document.documentElement.scrollHeight - document.documentElement.clientHeight'),
        'pixels by which the page itself scrolls',
      ).toBe(0);
      // In one turn, so that the scroll is told in the frame that has the new layout.
      await bob.messages.evaluate((list) => {
        list.scrollTop -= 1;
        list.parentElement?.style.setProperty('height', '20rem');
      });
      await eventually(bob.pixelsBelow).toBeLessThan(2);
    },
    testMs,
  );

  test(
    'unread messages are counted per conversation until one turns to them',
    async () => {
      const [alice, bob, carol] = await openFor('alice', 'bob', 'carol');
      if (!alice || !bob || !carol) throw new Error('three people are wanted');
      await carol.writeTo(bob.user);
      for (const content of ['one', 'two']) await carol.say(content);
      const tab = bob.device.locator('.tabs').getByRole('button', { name: carol.user });
      await tab.getByText('2 unread messages').waitFor();
      await tab.click();
      await bob.message('two').waitFor();
      await carol.message('two').getByText('Read', { exact: true }).waitFor();
      expect(await tab.textContent()).toBe(carol.user);
    },
    testMs,
  );

  test(
    'unread messages are marked as read when the history comes after one has turned to them',
    async () => {
      const mark = Math.random().toString(36).slice(2, 8);
      const [from, to] = [`carol-${mark}`, `bob-${mark}`];
      const carol = await deviceOf(from);
      await sendTo(carol, to, 'one');
      const { conversationId, seq } = await sendTo(carol, to, 'two');
      // Acknowledged elsewhere, they do not come by themselves.
      await (await deviceOf(to)).request({ action: 'ack', positions: { [conversationId]: seq } });
      const asked: string[] = [];
      const held = Promise.withResolvers<void>();
      await page.routeWebSocket(/local/, (socket) => {
        const server = socket.connectToServer();
        socket.onMessage((frame) => {
          asked.push(JSON.parse(String(frame)).action);
          server.send(frame);
        });
        server.onMessage(async (frame) => {
          if (JSON.parse(String(frame)).type === 'history.page') await held.promise;
          socket.send(frame);
        });
      });
      await page.goto(`${stack.httpUrl}/?devices=${to}`);
      const bob = makePerson(page, to);
      const tab = bob.device.locator('.tabs').getByRole('button', { name: from });
      await tab.getByText('2 unread messages').waitFor();
      await tab.click();
      await eventually(() => asked).toContain('history');
      expect(asked).not.toContain('read');
      held.resolve();
      await bob.message('two').waitFor();
      await eventually(() => asked).toContain('read');
      await eventually(() => tab.textContent()).toBe(from);
    },
    testMs,
  );

  test(
    'a conversation opens although a message comes between the press and its release',
    async () => {
      const [alice, bob, carol] = await openFor('alice', 'bob', 'carol');
      if (!alice || !bob || !carol) throw new Error('three people are wanted');
      await carol.writeTo(bob.user);
      await carol.say('one');
      const tab = bob.device.locator('.tabs').getByRole('button', { name: carol.user });
      await tab.getByText('1 unread message').waitFor();
      await tab.hover();
      await page.mouse.down();
      await sendTo(await deviceOf(carol.user), bob.user, 'two');
      await tab.getByText('2 unread messages').waitFor();
      await page.mouse.up();
      await bob.message('two').waitFor();
    },
    testMs,
  );

  test(
    'a receipt that comes before the confirmation of a first message is not lost',
    async () => {
      const held = Promise.withResolvers<void>();
      await page.routeWebSocket(/local/, (socket) => {
        const server = socket.connectToServer();
        server.onMessage(async (frame) => {
          const { type } = JSON.parse(String(frame));
          if (type === 'message.sent') await held.promise;
          socket.send(frame);
          if (type === 'receipt') held.resolve();
        });
      });
      const [alice] = await pair();
      await alice.say('first');
      await alice.message('first').getByText('Delivered').waitFor();
    },
    testMs,
  );

  test(
    'every device of a person shows what another one sends',
    async () => {
      const [alice, bob] = await pair();
      await page.getByPlaceholder('Add a device of').fill(alice.user);
      await page.keyboard.press('Enter');
      const tablet = makePerson(page, alice.user, 'device 2');
      await tablet.device.getByText('Connected').waitFor();
      await tablet.writeTo(bob.user);
      await alice.say('from the phone');
      await tablet.message('from the phone').waitFor();
      await tablet.say('from the tablet');
      await alice.message('from the tablet').waitFor();
      await page.getByRole('button', { name: `Remove ${alice.user}`, exact: true }).click();
      await page.getByPlaceholder('Add a device of').fill(alice.user);
      await page.keyboard.press('Enter');
      // The first one's number is free again; two of the same would share what they keep.
      await alice.device.getByText('Connected').waitFor();
      expect(await tablet.device.count()).toBe(1);
      await page.getByRole('button', { name: `Remove ${alice.user}, device 2` }).click();
      expect(await tablet.device.count()).toBe(0);
    },
    testMs,
  );

  test(
    'a refusal is told beside the message, which can be sent again or deleted',
    async () => {
      const [alice, bob] = await pair();
      await bob.block(alice.user);
      await alice.say('Hello?');
      await alice.message('Hello?').getByText(`You and ${bob.user} cannot write to each other`).waitFor();
      await bob.say('I am here.');
      await bob.message('I am here.').getByText(`You had blocked ${alice.user}. Unblock`).waitFor();
      await bob.unblock(alice.user);
      await alice.message('Hello?').getByRole('button', { name: 'Try again' }).click();
      await bob.message('Hello?').waitFor();
      await alice.say('ä'.repeat(9_000));
      await alice.device.getByRole('alert').getByText('too long').waitFor();
      const input = alice.device.getByRole('textbox', { name: /^Message/ });
      expect(await input.inputValue(), 'what was written is not lost').toHaveLength(9_000);
    },
    testMs,
  );

  test(
    'what was refused is there after the page was loaded anew, until it is sent or deleted',
    async () => {
      const [alice, bob] = await pair();
      await bob.block(alice.user);
      for (const content of ['one', 'two']) {
        await alice.say(content);
        await alice.message(content).getByRole('button', { name: 'Try again' }).waitFor();
      }
      await page.reload();
      await alice.message('one').getByText(`You and ${bob.user} cannot write to each other`).waitFor();
      await alice.message('two').getByRole('button', { name: 'Delete' }).click();
      await bob.unblock(alice.user);
      // Tried again, it waits, and is no more refused after the next load.
      await alice.device.getByLabel('Offline').check();
      await alice.message('one').getByRole('button', { name: 'Try again' }).click();
      await alice.message('one').getByText('Waiting to be sent').waitFor();
      await page.reload();
      await alice.message('one').getByText('Delivered').waitFor();
      await page.reload();
      await alice.message('one').getByText('Delivered').waitFor();
      expect(await alice.texts()).toEqual(['one']);
    },
    testMs,
  );

  test(
    'without a connection nobody can be blocked, which is told until there is one',
    async () => {
      const [alice, bob] = await pair();
      const block = { name: `Block ${bob.user}`, exact: true };
      const told = 'There is no connection. Try again when you are online.';
      await alice.device.getByRole('button', { ...block, disabled: false }).waitFor();
      await alice.device.getByLabel('Offline').check();
      const disabled = alice.device.getByRole('button', { ...block, disabled: true });
      await disabled.waitFor();
      expect(await disabled.getAttribute('title')).toBe(told);
      await alice.say('before any block');
      await disabled.press('Enter');
      const problem = alice.device.getByRole('alert').getByText(told);
      await problem.waitFor();
      await alice.device.getByLabel('Offline').uncheck();
      await bob.message('before any block').waitFor();
      await problem.waitFor({ state: 'hidden' });
      const enabled = alice.device.getByRole('button', { ...block, disabled: false });
      expect(await enabled.getAttribute('title')).toBe('');
      await enabled.press('Enter');
      await alice.device.getByRole('button', { name: `Unblock ${bob.user}` }).waitFor();
    },
    testMs,
  );

  test(
    'everything can be reached and done by keyboard',
    async () => {
      const [alice] = await pair();
      await alice.device.getByRole('textbox', { name: /^Message/ }).focus();
      await page.keyboard.type('by keyboard');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Space');
      await alice.message('by keyboard').waitFor();
      const reached = new Set<string>();
      await page.getByPlaceholder('Add a device of').focus();
      for (let turn = 0; turn < 12; turn += 1) {
        await page.keyboard.press('Tab');
        reached.add(
          String(await page.evaluate('document.activeElement.className || document.activeElement.tagName')),
        );
      }
      for (const stop of ['offline', 'remove plain', 'SUMMARY', 'block plain', 'messages', 'TEXTAREA'])
        expect([...reached]).toContain(stop);
    },
    testMs,
  );

  test.each([
    ['light', undefined],
    ['dark', undefined],
    ['light', phone],
    ['dark', phone],
  ] as const)(
    'is accessible and fits: %s, %o',
    async (colorScheme, viewport) => {
      if (viewport) await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      const [alice, bob] = await pair();
      await alice.say('delivered');
      await alice.message('delivered').getByText('Delivered').waitFor();
      await bob.block(alice.user);
      await alice.say('refused');
      await alice.message('refused').getByRole('button', { name: 'Try again' }).waitFor();
      await alice.device.getByLabel('Offline').check();
      await alice.say('waiting');
      await alice.message('waiting').waitFor();
      await expectAccessible(page);
    },
    testMs,
  );
});
