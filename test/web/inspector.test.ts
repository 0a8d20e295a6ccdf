import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Stack, startStack } from '#localstack/stack.ts';
import { UNTHROTTLED } from '#test/contract/support/target.ts';
import { expectAccessible } from './accessible.ts';
import { browserPath, launchBrowser } from './browser.ts';
import { makePerson, type Person } from './person.ts';

const testMs = 120_000;
const waitMs = 40_000;
const phone = { width: 360, height: 740 };

describe.skipIf(browserPath === undefined)('the inspector of the demo page, in Chromium', () => {
  let stack: Stack;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  let asked: string[];

  beforeAll(async () => {
    stack = await startStack({ environment: { RATE_LIMITS: JSON.stringify(UNTHROTTLED) } });
    browser = await launchBrowser();
  }, testMs);
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  }, testMs);

  beforeEach(async () => {
    page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(waitMs);
    complaints = [];
    asked = [];
    page.on('console', (line) => complaints.push(line.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  }, testMs);
  afterEach(async () => {
    await page.context().close();
    expect(complaints, 'what the console says').toEqual([]);
  });

  const summary = () => page.locator('#inspector > summary');
  const flows = () => page.locator('.flows');
  const flow = () => page.getByRole('region', { name: 'The steps of the chosen request' });

  /** Alice and Bob, new to the server, turned to each other. */
  async function pair(): Promise<[Person, Person]> {
    const mark = Math.random().toString(36).slice(2, 8);
    const users = [`alice-${mark}`, `bob-${mark}`] as const;
    await page.goto(`${stack.httpUrl}/?devices=${users.join(',')}`);
    const [alice, bob] = [makePerson(page, users[0]), makePerson(page, users[1])];
    for (const { device } of [alice, bob]) await device.getByText('Connected').waitFor();
    await alice.writeTo(bob.user);
    await bob.writeTo(alice.user);
    return [alice, bob];
  }

  /** What each round trip of the flow that is shown holds: the labels of its calls, sorted. */
  async function tripsShown(): Promise<string[][]> {
    const trips = await flow().locator('.trip').all();
    return await Promise.all(
      trips.map(async (trip) => (await trip.locator('.call').allTextContents()).filter(isNoCache).sort()),
    );
  }
  const isNoCache = (label: string) => !label.startsWith('Valkey');

  test(
    'closed, it asks for nothing; open, it shows a send in its three round trips as they happened',
    async () => {
      const [alice, bob] = await pair();
      await alice.say('warms everything');
      await alice.message('warms everything').getByText('Delivered').waitFor();
      expect(asked).not.toContain('/inspect');
      const watching = page.waitForResponse((response) => response.url().endsWith('/inspect'));
      await summary().click();
      await watching;
      await page.getByText('Send a message, and its steps appear here.').waitFor();

      await alice.say('hello');
      await flow().getByText('message.sent').waitFor();
      await flow()
        .getByRole('heading', { name: `${alice.user}: send` })
        .waitFor();
      expect(await tripsShown()).toEqual([
        [
          'DynamoDB: BatchGetItem conversations, mailboxes, relationships',
          'DynamoDB: UpdateItem rateLimits',
          'DynamoDB: UpdateItem rateLimits',
        ],
        [
          'DynamoDB: Query connections',
          'DynamoDB: Query connections',
          'DynamoDB: TransactWriteItems conversations, messages, mailboxes',
          'SQS: SendMessage',
        ],
        [
          `API Gateway: message.new to ${bob.user}`,
          'DynamoDB: Query connections',
          'DynamoDB: Query connections',
        ],
      ]);
      await flow()
        .getByText(
          /10 AWS calls( \+ 1 cache call)? · 3 round trips · 7 read units · 10 write units · \$10\.7\d for a million/,
        )
        .waitFor();
      await flow()
        .getByText(/later, deliver looked again/)
        .waitFor();
    },
    testMs,
  );

  test(
    'reading shows which tier answered, and another request can be chosen by keyboard',
    async () => {
      const [alice, bob] = await pair();
      for (const content of ['one', 'two', 'three']) await alice.say(content);
      await bob.message('three').waitFor();
      await summary().click();
      await page.getByText('Send a message, and its steps appear here.').waitFor();
      await bob.device.getByLabel('Offline').check();
      await alice.say('missed');
      await alice.message('missed').getByText('Sent', { exact: true }).waitFor();
      await bob.device.getByLabel('Offline').uncheck();
      await bob.message('missed').waitFor();
      await flow()
        .getByRole('heading', { name: `${bob.user}: reconnect` })
        .waitFor();
      await flow()
        .getByText(/1 message read: 1 from (memory|the cache|the database)/)
        .waitFor();
      await flow().getByText(`reconnect.page to ${bob.user}`).waitFor();

      const send = flows().getByRole('button', { name: `${alice.user}: send` });
      await send.focus();
      await page.keyboard.press('Enter');
      await flow()
        .getByRole('heading', { name: `${alice.user}: send` })
        .waitFor();
      expect(await send.getAttribute('aria-current')).toBe('true');
      const always = page.getByLabel('Always show the latest action');
      expect(await always.isChecked()).toBe(false);
      await bob.say('here');
      await flows()
        .getByRole('button', { name: `${bob.user}: send` })
        .waitFor();
      await flow()
        .getByRole('heading', { name: `${alice.user}: send` })
        .waitFor();
      await always.check();
      await flow()
        .getByRole('heading', { name: `${bob.user}: send` })
        .waitFor();
      await alice.say('there');
      await flow()
        .getByRole('heading', { name: `${alice.user}: send` })
        .waitFor();
    },
    testMs,
  );

  test(
    'a refusal is told, and closing ends the watching',
    async () => {
      const [alice, bob] = await pair();
      await summary().click();
      await page.getByText('Send a message, and its steps appear here.').waitFor();
      await bob.block(alice.user);
      await alice.say('Hello?');
      await flows()
        .getByRole('button', { name: /send.*error forbidden/ })
        .waitFor();
      await summary().click();
      const before = await flows().getByRole('button').count();
      await alice.say('Still there?');
      await alice.message('Still there?').getByRole('button', { name: 'Try again' }).waitFor();
      expect(await flows().getByRole('button').count()).toBe(before);
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
      await summary().click();
      await page.getByText('Send a message, and its steps appear here.').waitFor();
      await alice.say('hello');
      await bob.message('hello').waitFor();
      await flow().getByText('message.sent').waitFor();
      await expectAccessible(page);
      // Where there is no room for lanes, each call names its service.
      expect(await flow().getByText('SQS:').isVisible()).toBe(true);
      expect(await flow().locator('.heads').isVisible()).toBe(viewport === undefined);
      for (const head of await flow().locator('.heads .lanes span').all()) {
        const cut = await head.evaluate(
          ({ scrollWidth, clientWidth, scrollHeight, clientHeight }) =>
            scrollWidth > clientWidth || scrollHeight > clientHeight,
        );
        expect(cut, `whether ${await head.textContent()} is cut`).toBe(false);
      }
    },
    testMs,
  );
});
