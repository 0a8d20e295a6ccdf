import { createServer, type Server } from 'node:http';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { closeServer, listenOnLoopback } from '#localstack/http/loopback-server.ts';
import { portsWithoutBrowsers } from '#localstack/http/port-without-browsers.ts';
import { type Stack, startStack } from '#localstack/stack.ts';
import { browserPath, launchBrowser } from './browser.ts';

const testMs = 120_000;

/** What the page would do if somebody had got something into it; what was refused is in `window.violations`. */
const misbehave = `
  window.violations = [];
  document.addEventListener('securitypolicyviolation', (event) => window.violations.push(event.effectiveDirective));
  const add = (name, attributes, text = '') => {
    const element = document.createElement(name);
    for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
    element.append(text);
    document.body.append(element);
  };
  add('style', {}, 'body { color: red }');
  add('p', { style: 'color: red' });
  add('img', { src: 'OTHER' });
  add('iframe', { src: 'OTHER' });
  add('base', { href: 'OTHER' });
  void fetch('OTHER').catch(() => undefined);
  try {
    document.body.innerHTML = '<p>markup</p>';
  } catch {}
`;

describe.skipIf(browserPath === undefined)('what pages can do, in Chromium', () => {
  let stack: Stack;
  let browser: Browser;
  let page: Page;
  /** Of somebody else: it answers whoever asks, as the database does. */
  let elsewhere: Server;
  let port: number;

  beforeAll(async () => {
    elsewhere = createServer((_, response) => {
      response
        .writeHead(200, { 'content-type': 'text/html', 'access-control-allow-origin': '*' })
        .end('read');
    });
    port = await listenOnLoopback(elsewhere);
    stack = await startStack({ maxEnvironments: 1 });
    // As if its owner had made the name lead here.
    browser = await launchBrowser('--host-resolver-rules=MAP evil.example 127.0.0.1');
  }, testMs);
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
    await closeServer(elsewhere);
  }, testMs);
  beforeEach(async () => {
    page = await (await browser.newContext()).newPage();
  }, testMs);
  afterEach(() => page.context().close());

  /** What the page can read there, or the error. */
  const read = (url: string, method = 'GET', target?: string) =>
    page.evaluate(
      ([url, method, target]) =>
        fetch(url, {
          method,
          ...(target && {
            body: '{}',
            headers: { 'x-amz-target': target, authorization: 'AWS4-HMAC-SHA256' },
          }),
        }).then((response) => response.text(), String),
      [url, method, target] as const,
    );
  const openSocket = (token: string) =>
    page.evaluate(
      ([url, token]) =>
        new Promise((resolve) => {
          const socket = new WebSocket(url, ['postrider.v1', `bearer.${token}`]);
          socket.onopen = () => resolve('open');
          socket.onerror = () => resolve('refused');
        }),
      [stack.url, token] as const,
    );

  test(
    'a page of another origin reads nothing of the stack, and opens no WebSocket',
    async () => {
      await page.goto(`http://evil.example:${port}/`);
      expect(await read(`http://127.0.0.1:${port}/`), 'what answers whoever asks').toBe('read');
      for (const path of ['/token?user=alice', '/health', '/', '/inspect', '/.well-known/jwks.json'])
        expect([path, await read(stack.httpUrl + path)]).toEqual([path, 'TypeError: Failed to fetch']);
      for (const [endpoint, target] of [
        [stack.endpoints.dynamodb, 'DynamoDB_20120810.ListTables'],
        [stack.endpoints.kms, 'TrentService.Decrypt'],
        [stack.endpoints.sqs, 'AmazonSQS.ListQueues'],
        [stack.endpoints.events, 'AWSEvents.PutEvents'],
        [stack.wire.endpoint, 'DynamoDB_20120810.ListTables'],
      ] as const) {
        expect([target, await read(endpoint)]).toEqual([target, 'TypeError: Failed to fetch']);
        expect([target, await read(endpoint, 'POST', target)]).toEqual([
          target,
          'TypeError: Failed to fetch',
        ]);
      }
      expect(await openSocket(await stack.token('alice'))).toBe('refused');
      const embedded = page.waitForResponse(`${stack.httpUrl}/icon.svg`);
      await page.evaluate(
        `document.body.append(Object.assign(new Image(), { src: '${stack.httpUrl}/icon.svg' }))`,
      );
      expect((await embedded).status()).toBe(403);
    },
    testMs,
  );

  test(
    'a page whose own name leads to the stack reads nothing of it',
    async () => {
      const at = (url: string) => `http://evil.example:${new URL(url).port}`;
      for (const path of ['/token?user=alice', '/health', '/'])
        expect((await page.goto(at(stack.httpUrl) + path))?.status()).toBe(403);
      for (const url of [
        stack.endpoints.kms,
        stack.endpoints.sqs,
        stack.endpoints.events,
        stack.wire.endpoint,
      ])
        expect((await page.goto(at(url)))?.status()).toBe(403);
      expect(portsWithoutBrowsers).toContain(Number(new URL(stack.endpoints.dynamodb).port));
      for (const unsafe of portsWithoutBrowsers)
        await expect(page.goto(`http://evil.example:${unsafe}/`)).rejects.toThrow('ERR_UNSAFE_PORT');
    },
    testMs,
  );

  test(
    'a page of a developer gets tokens, and opens a WebSocket',
    async () => {
      await page.goto(`http://localhost:${port}/`);
      const token = await read(`${stack.httpUrl}/token?user=alice`);
      expect(token.split('.')).toHaveLength(3);
      expect(await read(`${stack.httpUrl}/token`)).toContain('"user" is missing');
      expect(await openSocket(token)).toBe('open');
      expect(await read(`${stack.httpUrl}/health`)).toBe('TypeError: Failed to fetch');
    },
    testMs,
  );

  test(
    'the demo page takes no script, style, picture, frame or connection but its own, and no markup',
    async () => {
      await page.goto(stack.httpUrl);
      await page.evaluate(misbehave.replaceAll('OTHER', `http://127.0.0.1:${port}/`));
      await expect
        .poll(() => page.evaluate('window.violations.toSorted()'), { timeout: 40_000 })
        .toEqual([
          ...['base-uri', 'connect-src', 'frame-src', 'img-src', 'require-trusted-types-for'],
          ...['style-src-attr', 'style-src-elem'],
        ]);
    },
    testMs,
  );
});
