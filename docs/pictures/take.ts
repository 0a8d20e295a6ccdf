/** `npm run pictures`: takes the pictures of the README anew, of the page on a local stack of its own. */
import { stat } from 'node:fs/promises';
import type { Browser, Locator, Page } from 'playwright-core';
import { optionsOrExit, readArguments } from '#infra/command-line.ts';
import { startStack } from '#localstack/stack.ts';
import { launchBrowser } from '#test/web/browser.ts';
import { makePerson, type Person } from '#test/web/person.ts';

const usage = `npm run pictures

Takes the pictures of the README anew, of the page on a local stack of its own, over those in docs/pictures.`;
const mostBytes = 300 * 1024;
const marginPixels = 12;

optionsOrExit((args) => readArguments(args, {}), usage);
const stack = await startStack();
const browser = await launchBrowser();
try {
  await warm(browser);
  await picturePage(browser);
  await pictureFlow(browser);
} finally {
  await browser.close();
  await stack.stop();
}

/** Two people with everything loaded on the server that a first message would have to wait for. */
async function warm(browser: Browser): Promise<void> {
  const { page, alice, bob } = await open(browser, ['dora', 'emil'], { width: 800, height: 600 });
  for (const content of ['one', 'two']) await talk(alice, bob, content);
  await page.context().close();
}

/** A talk in which one of the two is away for a while. */
async function picturePage(browser: Browser): Promise<void> {
  const { page, alice, bob } = await open(browser, ['alice', 'bob'], { width: 1000, height: 560 });
  await talk(alice, bob, 'Has the parcel arrived?');
  await talk(bob, alice, 'This morning. Thank you!');
  await alice.device.getByLabel('Offline').check();
  await alice.say('In a tunnel: this waits until I am out.');
  await bob.say('Where are you?');
  await bob.message('Where are you?').getByText('Sent', { exact: true }).waitFor();
  await page.mouse.move(0, 0);
  await save(page, 'page.png');
  await alice.device.getByLabel('Offline').uncheck();
  await bob.message('In a tunnel: this waits until I am out.').waitFor();
  await page.context().close();
}

/** The steps of a message as the inspector draws them: in the middle of one, and all of the next one. */
async function pictureFlow(browser: Browser): Promise<void> {
  const { page, alice, bob } = await open(browser, ['alice', 'bob'], { width: 1280, height: 1100 });
  await page.locator('#inspector > summary').click();
  await page.getByText('Send a message, and its steps appear here.').waitFor();
  const flow = page.getByRole('region', { name: 'The steps of the chosen request' });
  await holding('TransactWriteItems', async () => {
    await alice.say('Are you on the night train?');
    await flow.getByText('Round trip 2').waitFor();
    await flow.getByText('…', { exact: true }).waitFor();
    await save(flow, 'flow-under-way.png');
  });
  await bob.message('Are you on the night train?').waitFor();
  await talk(alice, bob, 'Write when you are there.');
  await flow.getByText('message.sent').waitFor();
  await flow.getByText('later, deliver looked again').waitFor();
  await save(flow, 'flow.png');
  await page.context().close();
}

/** Holds back the answers of `send` to this operation until `work` is done. */
async function holding(operation: string, work: () => Promise<void>): Promise<void> {
  const done = Promise.withResolvers<void>();
  stack.wire.intercept(async (call, forward) => {
    if (call.operation === operation && call.invocation?.functionName === 'send') await done.promise;
    return forward();
  });
  try {
    await work();
  } finally {
    done.resolve();
    stack.wire.intercept(undefined);
  }
}

interface Opened {
  readonly page: Page;
  readonly alice: Person;
  readonly bob: Person;
}

async function open(
  browser: Browser,
  [first, second]: readonly [string, string],
  viewport: { readonly width: number; readonly height: number },
): Promise<Opened> {
  const context = await browser.newContext({ viewport, colorScheme: 'light', deviceScaleFactor: 1.5 });
  const page = await context.newPage();
  await page.goto(`${stack.httpUrl}/?devices=${first},${second}`);
  const [alice, bob] = [makePerson(page, first), makePerson(page, second)];
  for (const { device } of [alice, bob]) await device.getByText('Connected').waitFor();
  for (const [one, other] of [
    [alice, bob],
    [bob, alice],
  ] as const)
    if (!(await one.device.getByPlaceholder(`Write to ${other.user}`).isVisible()))
      await one.writeTo(other.user);
  return { page, alice, bob };
}

/** What `from` says has come to `to`, who has read it. */
async function talk(from: Person, to: Person, content: string): Promise<void> {
  await from.say(content);
  await to.message(content).waitFor();
  await to.device.getByRole('textbox', { name: /^Message/ }).focus();
  await from.message(content).getByText('Read', { exact: true }).waitFor();
}

/** A picture of the page, or of a part with a margin around it. Throws if it is too large for a README. */
async function save(subject: Page | Locator, name: string): Promise<void> {
  const path = new URL(name, import.meta.url).pathname;
  const options = { path, animations: 'disabled', caret: 'hide' } as const;
  if ('boundingBox' in subject) {
    const box = await subject.boundingBox();
    if (!box) throw new Error(`What ${name} is to show is not there.`);
    const [x, y] = [box.x - marginPixels, box.y - marginPixels];
    const [width, height] = [box.width + 2 * marginPixels, box.height + 2 * marginPixels];
    await subject.page().screenshot({ ...options, clip: { x, y, width, height } });
  } else await subject.screenshot(options);
  const { size } = await stat(path);
  if (size > mostBytes) throw new Error(`${name} is too large: ${size} bytes, at most ${mostBytes}.`);
  process.stdout.write(`${name}: ${Math.round(size / 1024)} KB\n`);
}
