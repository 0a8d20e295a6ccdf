import { byteLength } from '#shared/protocol/fields.ts';
import { limits } from '#shared/protocol/limits.ts';
import { parseRequest } from '#test/support/parse-request.ts';
import { type Backend, makeBackend } from '../support/backend.ts';
import { checkFrame } from '../support/check-frame.ts';
import { type FuzzTarget, hold, textOf } from '../target.ts';

const users = ['alice', 'bob', 'mallory'] as const;
/** Alice and Bob know it; whatever Mallory sends, nothing that comes to her may hold it. */
const secret = 'the code is 4711';

/**
 * What three users send, one after the other, to the functions over AWS in memory. Each line is `a`, `b` or `m` and a
 * frame, `C` in it the id of the conversation of Alice and Bob. Every frame has its answer, none is a defect, and
 * Mallory learns nothing.
 */
export const target: FuzzTarget = {
  files: [
    ...['log/send-message.ts', 'log/find-duplicate.ts', 'mailboxes/acknowledge.ts', 'mailboxes/mark-read.ts'],
    ...['mailboxes/list-conversations.ts', 'mailboxes/mailbox-moves.ts', 'members/change-relationship.ts'],
    ...['reading/read-history.ts', 'reading/read-messages.ts', 'resume/reconnect.ts'],
    ...['resume/drain-conversations.ts', 'limits/refusals.ts'],
  ].map((file) => `shared/${file}`),
  seeds: [
    'a{"action":"send","recipientId":"mallory","content":"x","clientMessageId":"1"}\nm{"action":"reconnect"}',
    'b{"action":"ack","positions":{"C":1}}\nb{"action":"read","conversationId":"C","seq":1}',
    'b{"action":"reconnect","positions":{"C":1},"epoch":"another"}\na{"action":"reconnect","epoch":"this life"}',
    'b{"action":"reconnect","positions":{"C":0},"only":true,"epoch":"this life"}\na{"action":"conversations","limit":1}',
    'm{"action":"history","conversationId":"C"}\nm{"action":"read","conversationId":"C","seq":1}',
    'm{"action":"send","conversationId":"C","content":"x"}\nm{"action":"ack","positions":{"C":1,"x":1}}',
    'b{"action":"history","conversationId":"C","after":0}\nb{"action":"history","conversationId":"C","before":2}',
    'b{"action":"ack","positions":{"C":2},"requestId":"r"}\nb{"action":"conversations","requestId":"s"}',
    'b{"action":"send","conversationId":"C","content":"y"}\nb{"action":"read","conversationId":"C","seq":2}\nb{"action":"conversations"}',
    'm{"action":"ack","positions":{"C":1}}\nm{"action":"conversations"}\nm{"action":"reconnect","requestId":"t"}',
    'a{"action":"block","userId":"bob"}\nb{"action":"send","conversationId":"C","content":"y"}',
    'a{"action":"unblock","userId":"bob"}\nb{"action":"send","recipientId":"alice","content":"y"}\na{"action":"ping"}',
  ],
  words: [
    ...['\na{', '\nb{', '\nm{', '"C"', '"alice"', '"bob"', '"mallory"', '"action":', '"send"', '"reconnect"'],
    ...['"ack"', '"read"', '"history"', '"conversations"', '"block"', '"unblock"', '"conversationId":'],
    ...[
      '"recipientId":',
      '"content":',
      '"clientMessageId":',
      '"positions":',
      '"only":',
      '"epoch":',
      '"this life"',
      '"seq":',
      '"before":',
    ],
    ...['"after":', '"limit":', '"cursor":', '"userId":', '"__proto__":', '}', '{', ','],
  ],
  async run(input) {
    const { backend, nameOf } = await takeBackend();
    const [first] = await backend.send(nameOf('alice'), sendTo(nameOf('bob')));
    hold(first !== undefined, 'a send without an answer');
    const { conversationId } = first.message as { conversationId: string };
    for (const line of textOf(input).split('\n').slice(0, mostLines)) {
      const user = users.find((name) => name[0] === line[0]) ?? 'mallory';
      const frame = users.reduce(
        (text, name) => text.replaceAll(`"${name}"`, `"${nameOf(name)}"`),
        line.slice(1),
      );
      await exchange(backend, nameOf(user), frame.replaceAll('"C"', `"${conversationId}"`));
    }
    hold(!JSON.stringify(backend.received(nameOf('mallory'))).includes(secret), 'Mallory knows');
    for (const name of users.map(nameOf)) for (const frame of backend.received(name)) checkFrame(frame, name);
    hold(backend.defects.length === 0, `a defect: ${backend.defects[0]}`);
  },
};

/** An input of the longest length may hold thousands of lines, and none of them after these can find more. */
const mostLines = 12;
const sendTo = (recipientId: string) => JSON.stringify({ action: 'send', recipientId, content: secret });

/** Making the functions takes longer than an input, so that many inputs share them, each with users of its own. */
const inputsPerBackend = 200;
let shared: Backend | undefined;
let inputs = 0;

async function takeBackend() {
  if (inputs % inputsPerBackend === 0) shared = makeBackend();
  inputs += 1;
  const backend = shared ?? makeBackend();
  const suffix = inputs;
  const nameOf = (user: string) => `${user}${suffix}`;
  for (const user of users) await backend.join(nameOf(user));
  return { backend, nameOf };
}

async function exchange(backend: Backend, user: string, frame: string): Promise<void> {
  const answers = await backend.send(user, frame);
  const parsed = parseRequest(frame);
  const last = answers.at(-1);
  hold(last !== undefined, 'a frame without an answer');
  for (const answer of answers) {
    const { code, requestId } = answer;
    hold(requestId === parsed.requestId, 'an answer under another requestId');
    hold(code !== 'internal' && code !== 'unavailable', `the answer ${code}`);
    hold(byteLength(JSON.stringify(answer)) <= limits.frameBytes, 'an answer above the limit');
  }
  hold(!('error' in parsed) || last.code === parsed.error.code, 'a wrong frame that was not refused as such');
}
