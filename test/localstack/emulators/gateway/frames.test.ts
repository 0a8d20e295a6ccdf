import { once } from 'node:events';
import { expect, test } from 'vitest';
import { makeFrameGuard } from '#localstack/emulators/gateway/frame-guard.ts';
import { frame } from './frame.ts';
import { openRawWebSocket, readCloseCode, recordedRoute, startStage } from './harness.ts';

const frameBytes = 32_768;
const messageBytes = 131_072;

async function startRaw() {
  const routes = { $default: recordedRoute(), $disconnect: recordedRoute() };
  const stage = await startStage({ routes });
  const socket = await openRawWebSocket(stage.port);
  return { socket, ...routes };
}

test.each([0, 125, 126, frameBytes])('a text frame of %i bytes is delivered', async (length) => {
  const { socket, $default } = await startRaw();
  socket.write(frame(1, 'x'.repeat(length)));

  expect((await $default.next()).body).toBe('x'.repeat(length));
});

test.each([frameBytes + 1, 65_536, messageBytes, messageBytes + 1, 1_000_000])(
  'a text frame of %i bytes closes with 1009 and reaches no function',
  async (length) => {
    const { socket, $default, $disconnect } = await startRaw();
    socket.write(frame(1, 'x'.repeat(length)));

    expect(await readCloseCode(socket)).toBe(1009);
    socket.destroy();
    expect((await $disconnect.next()).requestContext.disconnectStatusCode).toBe(1009);
    expect($default.events).toEqual([]);
  },
);

test('a frame over the limit closes as soon as its length is known', async () => {
  const { socket, $disconnect } = await startRaw();
  socket.write(frame(1, 'x'.repeat(frameBytes + 1)).subarray(0, 10));

  expect(await readCloseCode(socket)).toBe(1009);
  socket.destroy();
  await $disconnect.next();
});

test('a message of 128 KB in frames of 32 KB is delivered as one', async () => {
  const { socket, $default } = await startRaw();
  const part = 'y'.repeat(frameBytes);
  socket.write(frame(1, part, false));
  socket.write(frame(0, part, false));
  socket.write(frame(9, 'a ping may come between'));
  socket.write(frame(0, part, false));
  socket.write(frame(0, part));

  expect((await $default.next()).body).toBe('y'.repeat(messageBytes));
});

test('a message over 128 KB in good frames closes with 1009', async () => {
  const { socket, $default } = await startRaw();
  for (let part = 0; part < 4; part += 1)
    socket.write(frame(part === 0 ? 1 : 0, 'y'.repeat(frameBytes), false));
  socket.write(frame(0, 'y'));

  expect(await readCloseCode(socket)).toBe(1009);
  expect($default.events).toEqual([]);
});

test('a continuation frame over 32 KB closes with 1009 although the message is short', async () => {
  const { socket, $default } = await startRaw();
  socket.write(frame(1, 'a', false));
  socket.write(frame(0, 'x'.repeat(frameBytes + 1)));

  expect(await readCloseCode(socket)).toBe(1009);
  expect($default.events).toEqual([]);
});

test('a binary message closes with 1003 and reaches no function', async () => {
  const routes = { $default: recordedRoute(), $disconnect: recordedRoute() };
  const stage = await startStage({ routes });
  const client = await stage.open();
  client.socket.send(Buffer.from('{"action":"send"}'), { binary: true });

  expect((await client.closed).code).toBe(1003);
  expect((await routes.$disconnect.next()).requestContext.disconnectStatusCode).toBe(1003);
  expect(routes.$default.events).toEqual([]);
});

test.each([
  ['empty', frame(2, '')],
  ['in fragments', frame(2, 'a', false)],
])('a binary frame closes with 1003 also if it is %s', async (_name, bytes) => {
  const { socket } = await startRaw();
  socket.write(bytes);

  expect(await readCloseCode(socket)).toBe(1003);
});

test('what came before a bad frame is handled, what comes after it is not', async () => {
  const { socket, $default, $disconnect } = await startRaw();
  socket.write(Buffer.concat([frame(1, 'before'), frame(2, 'bad'), frame(1, 'after')]));

  expect(await readCloseCode(socket)).toBe(1003);
  socket.destroy();
  await $disconnect.next();
  expect($default.events.map((event) => event.body)).toEqual(['before']);
});

test('text that is not UTF-8 closes with 1007', async () => {
  const { socket, $default, $disconnect } = await startRaw();
  socket.write(frame(1, Buffer.from([0x7b, 0xff, 0x7d])));

  expect(await readCloseCode(socket)).toBe(1007);
  socket.destroy();
  expect((await $disconnect.next()).requestContext.disconnectStatusCode).toBe(1007);
  expect($default.events).toEqual([]);
});

test('a character split over two frames is whole', async () => {
  const { socket, $default } = await startRaw();
  const euro = Buffer.from('€');
  socket.write(frame(1, euro.subarray(0, 1), false));
  socket.write(frame(0, euro.subarray(1)));

  expect((await $default.next()).body).toBe('€');
});

test.each([
  ['without a mask', Buffer.from([0x81, 0x01, 0x61])],
  ['with a reserved bit', Buffer.from([0xc1, 0x81, 0, 0, 0, 0, 0x61])],
  ['with an unknown opcode', frame(3, 'a')],
  ['that continues nothing', frame(0, 'a')],
])('a frame %s closes with 1002', async (_name, bytes) => {
  const { socket, $default, $disconnect } = await startRaw();
  socket.write(bytes);

  expect(await readCloseCode(socket)).toBe(1002);
  socket.destroy();
  expect((await $disconnect.next()).requestContext.disconnectStatusCode).toBe(1002);
  expect($default.events).toEqual([]);
});

test('a ping is answered by a pong with its data, and reaches no function', async () => {
  const $default = recordedRoute();
  const stage = await startStage({ routes: { $default } });
  const client = await stage.open();
  const pong = once(client.socket, 'pong');
  client.socket.ping('are you there');

  expect(String((await pong)[0])).toBe('are you there');
  expect($default.events).toEqual([]);
});

test('frames are told apart wherever the network cuts them', async () => {
  const { socket, $default } = await startRaw();
  socket.setNoDelay(true);
  const bytes = Buffer.concat([frame(1, 'one'), frame(9, ''), frame(1, 'x'.repeat(200)), frame(1, 'three')]);
  for (const byte of bytes) socket.write(Buffer.from([byte]));

  const bodies = [await $default.next(), await $default.next(), await $default.next()].map(
    (event) => event.body,
  );
  expect(bodies).toEqual(['one', 'x'.repeat(200), 'three']);
});

test('the guard admits no message that it has not seen', () => {
  const guard = makeFrameGuard(10, () => undefined);
  guard.inspect(frame(1, 'a'));

  expect([guard.admitsNextMessage(), guard.admitsNextMessage()]).toEqual([true, false]);
});
