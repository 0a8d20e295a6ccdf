import { request } from 'node:http';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { recordedRoute, startStage } from './harness.ts';

vi.setConfig({ testTimeout: 60_000 });

/** A management request as no SDK would send it; gives the status. */
function call(port: number, method: string, path: string, body: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-length': body.length };
    const sending = request({ port, host: '127.0.0.1', method, path, headers }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    sending.on('error', reject);
    sending.end(body);
  });
}

function isText(bytes: Uint8Array): boolean {
  return bytes.length > 0 && Buffer.from(Buffer.from(bytes).toString()).equals(bytes);
}

test('whatever is posted to a connection arrives as it is if it is text, or is 400 and does not arrive', async () => {
  const $default = recordedRoute();
  const stage = await startStage({ routes: { $default } });
  const client = await stage.open();
  client.send({});
  const { connectionId } = (await $default.next()).requestContext;
  const path = `/local/@connections/${encodeURIComponent(connectionId)}`;
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string({ unit: 'binary', maxLength: 200 }).map((text) => new Uint8Array(Buffer.from(text))),
    fc.nat({ max: 40_000 }).map((length) => new Uint8Array(length).fill(0x61)),
  );

  await fc.assert(
    fc.asyncProperty(bytes, async (body) => {
      expect(await call(stage.port, 'POST', path, body)).toBe(isText(body) ? 200 : 400);
      if (isText(body)) expect(await client.next()).toBe(Buffer.from(body).toString());
    }),
    { numRuns: 400 },
  );
  expect(stage.gateway.connectionCount()).toBe(1);
});

test('no id, method or body that is made up reaches anybody', async () => {
  const stage = await startStage({ routes: {} });
  const client = await stage.open();
  const received: unknown[] = [];
  client.socket.on('message', (data) => received.push(data));
  const id = fc.oneof(
    fc.webSegment().filter((segment) => segment !== '' && segment !== '.' && segment !== '..'),
    fc.constantFrom('%', '%ff', '__proto__', 'constructor', '%00', 'x'.repeat(4_000), '..%2f..%2f'),
  );
  const method = fc.constantFrom('POST', 'GET', 'DELETE', 'PUT', 'PATCH', 'OPTIONS');
  const body = fc.uint8Array({ minLength: 1, maxLength: 100 });

  await fc.assert(
    fc.asyncProperty(method, id, body, async (name, segment, bytes) => {
      const isKnown = ['POST', 'GET', 'DELETE'].includes(name);
      const status = await call(stage.port, name, `/local/@connections/${segment}`, bytes);
      expect(status).toBe(isKnown ? 410 : 403);
    }),
    { numRuns: 400 },
  );
  expect(received).toEqual([]);
  expect(client.socket.readyState).toBe(client.socket.OPEN);
});
