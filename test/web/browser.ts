import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const candidates = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** The browser of this machine; undefined where there is none: the tests that need it are skipped. */
export const browserPath = candidates.find((path) => path !== undefined && existsSync(path));

export async function launchBrowser(...args: string[]): Promise<Browser> {
  if (browserPath === undefined) throw new Error('There is no Chromium: name one by CHROMIUM=path.');
  return await chromium.launch({
    executablePath: browserPath,
    // Nothing but the page: no updates, no reports, no sandbox that containers lack.
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...args,
    ],
  });
}
