import { afterAll, beforeAll, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { finish } from './support/terminal.ts';

/** Moves the cursor, sets the title, hides and turns text, and begins a line of its own in five ways. */
const evil = [
  '\u001b[2J',
  '\u001b]0;title\u0007',
  '\u202e\u200b\u{e0041}',
  '\n',
  '\r',
  '\u2028',
  '\u0085',
  '\u009bE',
]
  .map((one) => `${one}1999-12-31 23:59:59  #9  carol: forged`)
  .join('');

const message = (seq: number) => ({
  messageId: `m${seq}${evil}`,
  conversationId: `c${evil}`,
  seq,
  senderId: `bob${evil}`,
  recipientId: `alice${evil}`,
  content: evil,
  sentAt: `2026-02-09T18:11:43.000Z${evil}`,
  clientMessageId: evil,
});
const conversation = {
  conversationId: `c${evil}`,
  members: ['alice', 'bob', evil],
  lastSeq: 2,
  deliveredSeq: 0,
  readSeq: 0,
  unread: evil,
  lastMessageAt: evil,
};

type Answers = Readonly<Record<string, (push: (frame: object) => void) => object>>;
const answers: Answers = {
  conversations: () => ({ type: 'conversations.page', conversations: [conversation] }),
  history: () => ({
    type: 'history.page',
    conversationId: conversation.conversationId,
    messages: [message(1), message(2)],
    more: false,
  }),
  send: () => ({ type: 'message.sent', messageId: evil, message: { ...message(3), seq: evil } }),
  reconnect: (push) => {
    const last = { conversationId: conversation.conversationId, lastSeq: 2, deliveredSeq: 0, readSeq: 0 };
    push({ type: 'reconnect.page', messages: [message(1), message(2)] });
    return { type: 'reconnect.done', conversations: [last], more: false };
  },
};
const refusal = { type: 'error', code: `forbidden${evil}`, message: evil, remedy: evil };

let server: WebSocketServer;
let refuses = false;
beforeAll(async () => {
  server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => 'postrider.v1' });
  server.on('connection', (socket) =>
    socket.on('message', (data) => answer(socket, JSON.parse(String(data)))),
  );
  await new Promise((resolve) => server.once('listening', resolve));
});
afterAll(() => {
  for (const socket of server.clients) socket.terminate();
  server.close();
});

function answer(socket: WebSocket, { action, requestId }: { action: string; requestId?: string }): void {
  const reply = (frame: object) => socket.send(JSON.stringify({ ...frame, requestId }));
  if (refuses && action !== 'reconnect') reply(refusal);
  else reply(answers[action]?.(reply) ?? { type: 'ok' });
}

const token = `e30.${Buffer.from('{"sub":"alice"}').toString('base64url')}.c2ln`;
const at = () => {
  const address = server.address();
  if (typeof address !== 'object' || address === null) return expect.fail();
  return ['--url', `ws://127.0.0.1:${address.port}/local`, '--token', token, '--timeout', '5'];
};

/** That nothing of it moves a cursor, hides, or stands at the left edge. */
function expectHarmless(printed: string): void {
  expect(printed).not.toMatch(/(?!\n)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}]/u);
  expect(printed).not.toMatch(/^1999/m);
}

test.for([
  ['history', 'alice', 'bob'],
  ['conversations', 'alice'],
  ['send', 'alice', 'bob', 'hello'],
  ['tail', 'alice', '--count', '2'],
  ['chat', 'alice', 'bob'],
])('whatever a server answers, the terminal is given nothing to obey: %s', async (command) => {
  refuses = false;
  const { out, err } = await finish([...command, ...at()]);

  expect(out).toContain('forged');
  expectHarmless(out);
  expectHarmless(err);
});

test.for([
  ['history', 'alice', 'bob'],
  ['send', 'alice', 'bob', 'hello'],
])('nor by an error: %s', async (command) => {
  refuses = true;
  const { exitCode, err } = await finish([...command, ...at()]);

  expect(exitCode).toBe(1);
  expect(err).toContain('forged');
  expectHarmless(err);
});

test('nor in what is meant for scripts', async () => {
  refuses = false;
  const { out } = await finish(['history', 'alice', 'bob', '--json', ...at()]);

  expectHarmless(out);
  const [first] = out.split('\n');
  expect(JSON.parse(first ?? '')).toMatchObject(message(1));
});

test('a token that a command prints is one, or is not printed', async () => {
  const printing = (text: string) => ['--token-command', `printf '%s' '${text}'`];
  const place = at().slice(0, 2);

  expect(await finish(['token', 'alice', ...place, ...printing(token)])).toMatchObject({
    exitCode: 0,
    out: `${token}\n`,
  });
  for (const bad of [`${token}\u001b[2J`, `${token}\nx`, `${token} x`, `\u200b${token}`]) {
    const { exitCode, out, err } = await finish(['token', 'alice', ...place, ...printing(bad)]);
    expect({ exitCode, out }).toEqual({ exitCode: 4, out: '' });
    expectHarmless(err);
  }
});
