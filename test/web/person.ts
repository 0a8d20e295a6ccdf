import type { Locator, Page } from 'playwright-core';

/** One device on the page, as its person uses it. */
export interface Person {
  readonly user: string;
  readonly device: Locator;
  readonly messages: Locator;
  /** The list item with this text. */
  message(text: string): Locator;
  texts(): Promise<string[]>;
  /** How far the messages are scrolled. */
  pixelsAbove(): Promise<number>;
  /** How far the messages are from being scrolled to their end. */
  pixelsBelow(): Promise<number>;
  say(content: string): Promise<void>;
  /** Opens the conversation with somebody. */
  writeTo(peer: string): Promise<void>;
  /** Blocks whom the open conversation is with, and waits until it is done. */
  block(peer: string): Promise<void>;
  unblock(peer: string): Promise<void>;
}

export function makePerson(page: Page, user: string, label?: string): Person {
  const title = label === undefined ? user : `${user}, ${label}`;
  const device = page.getByRole('region', { name: title, exact: true });
  const messages = page.getByRole('region', { name: `Messages of ${title}`, exact: true });
  return {
    user,
    device,
    messages,
    message: (text) =>
      messages.getByRole('listitem').filter({ has: page.locator('.text').getByText(text, { exact: true }) }),
    texts: () => messages.locator('.text').allTextContents(),
    pixelsAbove: () => messages.evaluate(({ scrollTop }) => scrollTop),
    pixelsBelow: () =>
      messages.evaluate(
        ({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight,
      ),
    async say(content) {
      const input = device.getByRole('textbox', { name: /^Message/ });
      await input.fill(content);
      await input.press('Enter');
    },
    async writeTo(peer) {
      await device.locator('summary').click();
      await device.getByPlaceholder('Whom to write to').fill(peer);
      await device.getByRole('button', { name: 'Open' }).click();
    },
    async block(peer) {
      await device.getByRole('button', { name: `Block ${peer}`, exact: true }).click();
      await device.getByRole('button', { name: `Unblock ${peer}`, exact: true }).waitFor();
    },
    async unblock(peer) {
      await device.getByRole('button', { name: `Unblock ${peer}`, exact: true }).click();
      await device.getByRole('button', { name: `Block ${peer}`, exact: true }).waitFor();
    },
  };
}
