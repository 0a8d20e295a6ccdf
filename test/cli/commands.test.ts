import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { closeServer, listenOnLoopback } from '#localstack/http/loopback-server.ts';
import { targetOf } from '#localstack/http/request-target.ts';
import { createFrontDoor } from '#localstack/stack/front-door.ts';
import { type Stack, startStack } from '#localstack/stack.ts';
import { UNTHROTTLED } from '#test/contract/support/target.ts';
import { eventually, finish, start } from './support/terminal.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ environment: { RATE_LIMITS: JSON.stringify(UNTHROTTLED) } });
}, 120_000);
afterAll(async () => await stack.stop(), 60_000);

const newUser = (name: string) => `${name}-${randomBytes(6).toString('hex')}`;
const pair = () => [newUser('alice'), newUser('bob')] as const;
async function openSocket(user: string): Promise<WebSocket> {
  const socket = new WebSocket(stack.url, ['postrider.v1', `bearer.${await stack.token(user)}`]);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return socket;
}
const at = () => ['--url', stack.url];
const done = { exitCode: 0 };

test('what is sent stands in both histories and lists', async () => {
  const [alice, bob] = pair();
  const sent = await finish(['send', alice, bob, 'Hello,', 'Bob!', ...at()]);
  expect(sent).toMatchObject({ ...done, out: expect.stringMatching(/^#1 sent \(id .+\)\n$/), err: '' });
  const history = await finish(['history', bob, alice, ...at()]);
  expect(history).toMatchObject({ ...done, out: expect.stringMatching(`#1  ${alice}: Hello, Bob!\n$`) });
  const list = await finish(['conversations', bob, ...at()]);
  expect(list).toMatchObject({ ...done, out: expect.stringMatching(`${alice}: 1 message, 1 unread\n$`) });
});

test('a text comes from standard input, less its last line break', async () => {
  const [alice, bob] = pair();
  await finish(['send', alice, bob, ...at()], { stdin: ' two\nlines \n' });
  const { events } = await finish(['history', alice, bob, '--json', ...at()]);
  expect(events()).toMatchObject([{ type: 'message', content: ' two\nlines ', seq: 1 }]);
});

test('sent again with its id it stays one message; with another text it is refused', async () => {
  const [alice, bob] = pair();
  const send = (text: string) => finish(['send', alice, bob, text, '--id', 'order-17', '--json', ...at()]);
  const [first] = (await send('once')).events();
  const [again] = (await send('once')).events();
  expect(again).toEqual({ ...first, duplicate: true });
  const other = await send('twice');
  expect(other).toMatchObject({ exitCode: 1, out: '' });
  expect(JSON.parse(other.err)).toMatchObject({
    type: 'error',
    code: 'bad_request',
    remedy: expect.anything(),
  });
});

test('sending and looking take nothing away from who reads', async () => {
  const [alice, bob] = pair();
  await finish(['send', bob, alice, 'for alice', ...at()]);
  await finish(['send', alice, bob, 'for bob', ...at()]);
  await finish(['history', alice, bob, ...at()]);
  await finish(['conversations', alice, ...at()]);
  const { events } = await finish(['tail', alice, '--drain', '--json', ...at()]);
  expect(events().map(({ content }) => content)).toEqual(['for alice', 'for bob']);
});

test('tail goes on where it ended, and --all begins at the beginning', async () => {
  const [alice, bob] = pair();
  for (const text of ['one', 'two', 'three']) await finish(['send', alice, bob, text, ...at()]);
  const contents = async (...options: string[]) => {
    const { exitCode, events } = await finish(['tail', bob, '--json', ...options, ...at()]);
    expect(exitCode).toBe(0);
    return events().map(({ content }) => content);
  };
  expect(await contents('--count', '2')).toEqual(['one', 'two']);
  expect(await contents('--drain')).toEqual(['three']);
  expect(await contents('--drain')).toEqual([]);
  expect(await contents('--drain', '--all')).toEqual(['one', 'two', 'three']);
});

test('tail prints what comes, and Ctrl-C is its good end', async () => {
  const [alice, bob] = pair();
  const interrupt = new AbortController();
  const tail = start(['tail', bob, ...at()], { interrupted: interrupt.signal });
  await finish(['send', alice, bob, 'now', ...at()]);
  await eventually(() => expect(tail.out()).toMatch(`#1  ${alice} → ${bob}: now\n`));
  interrupt.abort();
  expect(await tail.exitCode).toBe(0);
  expect(await finish(['tail', bob, '--drain', ...at()])).toMatchObject({ ...done, out: '' });
});

test('tail that waits in vain says so', async () => {
  const waiting = await finish(['tail', newUser('bob'), '--count', '1', '--timeout', '1', ...at()]);
  expect(waiting).toMatchObject({
    exitCode: 3,
    out: '',
    err: expect.stringContaining('did not come within 1 s'),
  });
});

test('history walks over pages, both ways', async () => {
  const [alice, bob] = pair();
  const lines = Array.from({ length: 130 }, (_, index) => `line ${index + 1}\n`).join('');
  expect(await finish(['chat', alice, bob, ...at()], { stdin: lines })).toMatchObject(done);
  const seqs = async (...options: string[]) => {
    const { events } = await finish(['history', bob, alice, '--json', ...options, ...at()]);
    return events().map(({ seq }) => seq);
  };
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
  expect(await seqs()).toEqual(range(81, 130));
  expect(await seqs('--limit', '120')).toEqual(range(11, 130));
  expect(await seqs('--before', '125', '--limit', '110')).toEqual(range(15, 124));
  expect(await seqs('--after', '5', '--limit', '110')).toEqual(range(6, 115));
});

test('two people chat: each sees the other, ticks are told, and the rest of the lines is piped in', async () => {
  const [alice, bob] = pair();
  await finish(['send', alice, bob, 'before', ...at()]);
  const [fromAlice, fromBob] = [new PassThrough(), new PassThrough()];
  const atAlice = start(['chat', alice, bob, ...at()], { stdin: fromAlice });
  const atBob = start(['chat', bob, alice, ...at()], { stdin: fromBob });
  await eventually(() => expect(atBob.out()).toContain(`#1  ${alice}: before\n`));
  fromAlice.write('hello\n');
  await eventually(() => expect(atBob.out()).toContain(`#2  ${alice}: hello\n`));
  await eventually(() => expect(atAlice.out()).toContain(`· read by ${bob}\n`));
  fromBob.write('hi\n\n');
  await eventually(() => expect(atAlice.out()).toContain(`#3  ${bob}: hi\n`));
  fromBob.end('/quit\n');
  fromAlice.end('bye\n');
  expect([await atAlice.exitCode, await atBob.exitCode]).toEqual([0, 0]);
  const count = (text: string) => atAlice.out().split(text).length - 1;
  expect(['before', 'hello', 'hi', 'bye'].map((text) => count(`: ${text}\n`))).toEqual([1, 1, 1, 1]);
});

test('chat tells of others without showing them', async () => {
  const [alice, bob] = pair();
  const carol = newUser('carol');
  const input = new PassThrough();
  const chat = start(['chat', alice, bob, ...at()], { stdin: input });
  await finish(['send', carol, alice, 'psst', ...at()]);
  await eventually(() => expect(chat.out()).toContain(`· a message in your conversation with ${carol}\n`));
  expect(chat.out()).not.toContain('psst');
  input.end();
  await chat.exitCode;
  const { events } = await finish(['conversations', alice, '--json', ...at()]);
  expect(events()).toMatchObject([{ unread: 1 }]);
});

test('a line that is refused is told, and decides the exit code', async () => {
  const [alice, bob] = pair();
  const chat = await finish(['chat', alice, bob, ...at()], { stdin: `${'x'.repeat(16_385)}\nshort\n` });
  expect(chat.exitCode).toBe(1);
  expect(chat.out).toContain('! not sent: xxx');
  expect(chat.out).toContain(`#1  ${alice}: short\n`);
});

test('tokens: of the local stack, given, printed by a command that knows the user', async () => {
  const [alice, bob] = pair();
  const printed = await finish(['token', alice, '--ttl', '60', '--json', ...at()]);
  const [{ token, expiresAt } = {}] = printed.events();
  const leftMs = Date.parse(String(expiresAt)) - Date.now();
  expect(leftMs).toBeGreaterThan(0);
  expect(leftMs).toBeLessThanOrEqual(60_000);
  const send = (env: Record<string, string>, ...options: string[]) =>
    finish(['send', alice, bob, 'hello', ...options, ...at()], { env });
  expect(await send({}, '--token', String(token))).toMatchObject(done);
  expect(await send({ POSTRIDER_TOKEN: String(token) })).toMatchObject(done);
  const command = `test "$POSTRIDER_USER" = ${alice} && echo ${token}`;
  expect(await send({ POSTRIDER_TOKEN_COMMAND: command })).toMatchObject(done);
  expect(await send({ POSTRIDER_TOKEN: 'is passed over' }, '--token-command', command)).toMatchObject(done);
});

test('a token that is wrong, of another, or not to be had: exit code 4 and what to do', async () => {
  const [alice, bob] = pair();
  const ofBob = await stack.token(bob);
  const forged = `${(await stack.token(alice)).slice(0, -6)}AAAAAA`;
  for (const [options, words] of [
    [['--token', 'x'], 'not a JWT'],
    [['--token', ofBob], `The token is of "${bob}"`],
    [['--token', forged], 'refused the connection with 401'],
    [['--token-command', 'echo sorry >&2; exit 7'], 'failed with 7. sorry'],
    [['--token-command', 'exit 7'], 'failed with 7.\n'],
  ] as const) {
    const refused = await finish(['send', alice, bob, 'hello', ...options, ...at()]);
    expect(refused).toMatchObject({ exitCode: 4, out: '', err: expect.stringContaining(words) });
    expect(refused.err).toMatch(/\n {2}→ .+\n$/);
    expect(refused.err).not.toContain(forged);
  }
});

test('a lifetime that the local stack does not give is told in its own words', async () => {
  const [alice] = pair();
  const refused = await finish(['token', alice, '--ttl', '99999999999', ...at()]);
  expect(refused).toMatchObject({ exitCode: 4, out: '' });
  expect(refused.err).toMatch(
    /^http:\S+ gave no token \(400\)\.\n {2}→ "ttl" must be a whole number of seconds, 1 to \d+\.\n$/,
  );
});

test('a refused relationship is told once, and what to do about it once', async () => {
  const [alice, bob] = pair();
  const socket = await openSocket(bob);
  socket.send(JSON.stringify({ action: 'block', userId: alice }));
  await new Promise((resolve) => socket.once('message', resolve));
  socket.close();
  const { exitCode, err } = await finish(['send', alice, bob, 'hello', ...at()]);
  expect(exitCode).toBe(1);
  expect(err.match(/relationship/g)).toHaveLength(1);
  expect(err).toMatch(/^.+\n {2}→ .+\n$/);
});

test('where nothing answers, or something else does: exit code 3, at once, and what to do', async () => {
  const [alice, bob] = pair();
  const token = await stack.token(alice);
  const nowhere = stack.url.replace(/:\d+/, ':9');
  for (const command of [
    ['send', alice, bob, 'hello'],
    ['tail', alice],
    ['chat', alice, bob],
  ]) {
    const absent = await finish([...command, '--url', nowhere]);
    expect(absent).toMatchObject({
      exitCode: 3,
      err: expect.stringContaining('Nothing answers at 127.0.0.1:9'),
    });
    const refused = await finish([...command, '--url', nowhere, '--token', token]);
    expect(refused).toMatchObject({ exitCode: 3, err: expect.stringContaining('npm start') });
  }
  const other = await finish(['tail', alice, '--url', `${stack.url}r`]);
  expect(other).toMatchObject({ exitCode: 3, err: expect.stringContaining('Check the path of --url') });
});

/** A stack that is still starting, until it is opened. */
async function startingStack() {
  const door = createFrontDoor({ stage: 'local' });
  let asked = 0;
  door.server.prependListener('request', () => {
    asked += 1;
  });
  const port = await listenOnLoopback(door.server);
  return {
    url: ['--url', `ws://127.0.0.1:${port}/local`],
    asked: () => asked,
    open: () =>
      door.open({
        gateway: stack.gateway,
        issuer: {
          handleRequest(request, response) {
            void stack.token(targetOf(request).query.get('user') ?? '').then((token) => response.end(token));
            return true;
          },
        },
        inspector: { handleRequest: () => false },
        webDirectory: '',
      }),
    [Symbol.asyncDispose]: () => closeServer(door.server),
  };
}

test('while the stack is starting they try again until it is there', async () => {
  const [alice, bob] = pair();
  await using starting = await startingStack();
  const commands = [
    start(['send', alice, bob, 'hello', ...starting.url]),
    start(['tail', bob, '--count', '1', ...starting.url]),
    start(['chat', alice, bob, ...starting.url]),
  ];
  await eventually(() => expect(starting.asked()).toBeGreaterThanOrEqual(commands.length));
  starting.open();
  expect(await Promise.all(commands.map(({ exitCode }) => exitCode))).toEqual([0, 0, 0]);
}, 60_000);

test('a stack that does not get ready in time is exit code 3, with its own words', async () => {
  const [alice, bob] = pair();
  await using starting = await startingStack();
  for (const command of [
    ['send', alice, bob, 'hello'],
    ['tail', alice, '--count', '1'],
    ['chat', alice, bob],
    ['token', alice],
  ]) {
    const late = await finish([...command, '--timeout', '1', ...starting.url]);
    expect(late).toMatchObject({
      exitCode: 3,
      out: '',
      err: expect.stringContaining('The stack is starting.'),
    });
  }
});

test('tail outlives its connection: nothing is missing, nothing twice', async () => {
  const [alice, bob] = pair();
  const tail = start(['tail', bob, '--count', '2', '--json', ...at()]);
  await finish(['send', alice, bob, 'one', ...at()]);
  await eventually(() => expect(tail.events()).toHaveLength(1));
  // The 21st connection closes the oldest one.
  // One after the other: many at once from one address are told to come again.
  const sockets: WebSocket[] = [];
  while (sockets.length < 20) sockets.push(await openSocket(bob));
  await eventually(() => expect(tail.err()).toContain('"reason":"lost"'));
  for (const socket of sockets) socket.terminate();
  await finish(['send', alice, bob, 'two', ...at()]);
  expect(await tail.exitCode).toBe(0);
  expect(tail.events().map(({ content }) => content)).toEqual(['one', 'two']);
}, 60_000);
