import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { actions } from '#shared/actions.ts';
import { makeTelemetry } from '#shared/runtime/telemetry.powertools.ts';
import { type Backend, makeBackend } from '#test/fuzz/support/backend.ts';
import { sdkError } from '#test/support/world.ts';

const secret = 'the code is 4711';
const lines: string[] = [];

beforeEach(() => {
  lines.length = 0;
  vi.stubEnv('POWERTOOLS_LOG_LEVEL', 'DEBUG');
  vi.stubEnv('POWERTOOLS_SERVICE_NAME', 'postrider');
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      lines.push(String(text));
      return true;
    });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** Ways in which a call to AWS fails, each with everything in it that an SDK could put there: the request, the rows. */
const failures: readonly ((command: object) => Error)[] = [
  (command) => sdkError('ValidationException', 400, { ...command, $response: { body: command } }),
  (command) => sdkError('ThrottlingException', 400, { ...command }),
  (command) => sdkError('InternalServerError', 500, { ...command }),
  (command) => sdkError('AccessDeniedException', 400, { ...command }),
  (command) => Object.assign(new Error('timed out'), { name: 'TimeoutError', cause: { ...command } }),
  (command) => Object.assign(new Error('reset', { cause: command }), { code: 'ECONNRESET' }),
  (command) => Object.assign(new TypeError('a defect'), { ...command }),
  () =>
    new TransactionCanceledException({
      message: 'cancelled',
      $metadata: { httpStatusCode: 400 },
      CancellationReasons: [{ Code: 'ValidationError', Item: { content: { S: secret } } }],
    }),
];

const frames = (conversationId: string): [user: string, frame: object][] => [
  ['alice', { action: 'send', recipientId: 'bob', content: secret, clientMessageId: 'c' }],
  ['alice', { action: 'send', recipientId: 'bob', content: secret, clientMessageId: 'c' }],
  ['alice', { action: 'send', recipientId: 'bob', content: `${secret}!`, clientMessageId: 'c' }],
  ['bob', { action: 'send', conversationId, content: secret }],
  ['bob', { action: 'reconnect' }],
  ['bob', { action: 'history', conversationId }],
  ['bob', { action: 'ack', positions: { [conversationId]: 1 } }],
  ['bob', { action: 'read', conversationId, seq: 1 }],
  ['bob', { action: 'conversations' }],
  ['bob', { action: 'block', userId: 'alice' }],
  ['bob', { action: 'unblock', userId: 'alice' }],
  ['alice', { action: 'send', [secret]: 1, content: secret }],
  ['alice', { action: secret }],
];

/** Everything that must stay where it is, in each way of writing it. */
function writings(secrets: readonly Uint8Array[]): string[] {
  const bytes = secrets.flatMap((one) => {
    const buffer = Buffer.from(one);
    const { '0': first, '1': second, '2': third } = buffer;
    return [buffer.toString('base64'), buffer.toString('hex'), `"0":${first},"1":${second},"2":${third}`];
  });
  return [secret, Buffer.from(secret).toString('base64').slice(0, 20), ...bytes];
}

async function converse(backend: Backend): Promise<void> {
  const [sent] = await backend.send(
    'alice',
    JSON.stringify({ action: 'send', recipientId: 'bob', content: secret }),
  );
  const conversationId = (sent?.message as { conversationId?: string } | undefined)?.conversationId;
  for (const [user, frame] of frames(conversationId ?? 'c'.repeat(43)))
    await backend.send(user, JSON.stringify(frame));
}

/** A conversation in which `fails` says which calls fail; gives the number of calls, and the keys and salts that were in it. */
async function converseWhile(fails: (call: number) => boolean, failure: (command: object) => Error) {
  const keys: Uint8Array[] = [];
  let calls = 0;
  let hasBegun = false;
  const backend = makeBackend({
    telemetry: makeTelemetry(),
    onCall(command) {
      if (hasBegun) calls += 1;
      return hasBegun && fails(calls) ? failure(command) : undefined;
    },
    onAnswer(value) {
      const { Plaintext } = value as { Plaintext?: Uint8Array };
      if (Plaintext) keys.push(Plaintext);
    },
  });
  await backend.join('alice');
  await backend.join('bob');
  hasBegun = true;
  await converse(backend);
  return { calls, keys };
}

test('whichever call to AWS fails, and however: content and keys are not in the log, at DEBUG level either', async () => {
  const { calls } = await converseWhile(
    () => false,
    () => new Error(),
  );
  expect(calls).toBeGreaterThan(40);
  const secrets: Uint8Array[] = [];
  for (const failure of failures) {
    for (let failing = 1; failing <= calls; failing += 1) {
      const { keys } = await converseWhile((call) => call === failing, failure);
      secrets.push(...keys);
    }
    // From some call on nothing works any more.
    for (const from of [3, 8, 20]) await converseWhile((call) => call >= from, failure);
  }

  expect(lines.length).toBeGreaterThan(calls);
  expect(secrets.length).toBeGreaterThan(calls);
  const log = lines.join('\n');
  expect(writings(secrets).filter((writing) => log.includes(writing))).toEqual([]);
  expect(log).toContain('TransactionCanceledException');
}, 180_000);

test('whichever call to AWS fails, each line tells whose it is, in keys that no client wrote', async () => {
  const failure = (command: object) => sdkError('InternalServerError', 500, command);
  const { calls } = await converseWhile(() => false, failure);
  lines.length = 0;
  for (let failing = 1; failing <= calls; failing += 1)
    await converseWhile((call) => call === failing, failure);

  const told = lines.map((line) => JSON.parse(line)).filter(({ _aws }) => _aws === undefined);
  for (const line of told) {
    expect(line).toMatchObject({
      requestId: expect.stringMatching(/^request-of-(alice|bob)$/),
      userId: expect.stringMatching(/^(alice|bob)$/),
      connectionId: line.userId,
    });
    expect(['$connect', '$default', ...Object.keys(actions)]).toContain(line.action);
  }
  const failedSends = told.filter(({ action, level }) => action === 'send' && level === 'ERROR');
  expect(failedSends).toContainEqual(
    expect.objectContaining({ conversationId: expect.stringMatching(/^[\w-]{43}$/), seq: 1 }),
  );
});

test('whatever text gets into a log line, it stays one line of JSON and becomes neither a field of its own nor a metric', () => {
  const { error, warn } = makeTelemetry();
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '\n{"_aws":{"CloudWatchMetrics":[]}}',
      '","level":"INFO","x":"',
      '\r\nERROR',
      '\u2028',
      '\u001b[2J',
    ),
  );
  fc.assert(
    fc.property(text, (hostile) => {
      lines.length = 0;
      error('push failed', Object.assign(new Error(hostile), { name: hostile, code: hostile }), {
        connectionId: hostile,
      });
      warn('messages skipped', { conversationId: hostile });
      expect(lines).toHaveLength(2);
      for (const line of lines) {
        expect(line.split('\n')).toEqual([line.slice(0, -1), '']);
        for (const character of ['\r', '\u001b']) expect(line).not.toContain(character);
        const { level, message, _aws, x } = JSON.parse(line);
        expect({ message, _aws, x }).toEqual({
          message: level === 'ERROR' ? 'push failed' : 'messages skipped',
          _aws: undefined,
          x: undefined,
        });
      }
    }),
    { numRuns: 300 },
  );
});
