import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { WebSocket } from 'ws';
import { optionsOrExit, readArguments } from '#infra/command-line.ts';
import { type Stack, startStack } from '#localstack/stack.ts';

const usage = `npm run bench:send

Times a send on the local stack, from its frame to the push and to the confirmation, beside a ping over the same
connections, which passes the gateway and a function but makes no AWS call. Every figure is the lowest, middle and
highest of the rounds. Emulators and processes share the machine: trust the ratios. It has no options but --help.`;

optionsOrExit((args) => readArguments(args, {}), usage);

const rounds = 5;
const pairsAtOnce = [1, 4, 16];
/** Sends of all pairs together, in each round. */
const sendsPerRound = 480;
const content = 'x'.repeat(300);
const generous = { burst: 100_000, refillPerSecond: 100_000 };
const rateLimits = {
  messagesPerUser: generous,
  messagesPerAddress: generous,
  requestsPerUser: generous,
  connectionsPerUser: generous,
  connectionsPerAddress: generous,
};

interface Frame {
  readonly type: string;
  readonly requestId?: string;
  readonly message?: { readonly content: string };
}

type Samples = Record<'ping' | 'push' | 'confirmation', number[]>;

const stack = await startStack({
  environment: { RATE_LIMITS: JSON.stringify(rateLimits) },
  onLog: (line) => console.error(line),
});
try {
  console.log(`${cpus().length} cores, Node ${process.version}, cache: ${stack.cache?.origin ?? 'none'}`);
  row(
    'pairs at once',
    'sends/s',
    'ping, ms: p50',
    'p99',
    'push, ms: p50',
    'p99',
    'confirmation, ms: p50',
    'p99',
  );
  row(...Array(8).fill('---'));
  for (const count of pairsAtOnce) await measure(count);
} finally {
  await stack.stop();
}

async function measure(count: number): Promise<void> {
  const pairs = await Promise.all(Array.from({ length: count }, () => openPair(stack)));
  // The functions' environments start, and each conversation begins.
  await Promise.all(pairs.map((pair) => pair.send(10, emptySamples())));
  const results: { perSecond: number; samples: Samples }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const samples = emptySamples();
    const each = sendsPerRound / count;
    await Promise.all(pairs.map((pair) => pair.ping(each, samples)));
    const started = performance.now();
    await Promise.all(pairs.map((pair) => pair.send(each, samples)));
    results.push({ perSecond: (sendsPerRound * 1_000) / (performance.now() - started), samples });
  }
  const of = (name: keyof Samples, share: number) =>
    spread(results.map(({ samples }) => quantile(samples[name], share)));
  row(
    count,
    spread(results.map(({ perSecond }) => perSecond)),
    ...(['ping', 'push', 'confirmation'] as const).flatMap((name) => [of(name, 0.5), of(name, 0.99)]),
  );
  for (const pair of pairs) pair.close();
}

/** Two users with a connection each; one writes to the other, one message after the other. */
async function openPair({ url, token }: Stack) {
  const users = [randomUUID(), randomUUID()] as const;
  const sockets = await Promise.all(
    users.map(async (user) => {
      const socket = new WebSocket(url, ['postrider.v1', `bearer.${await token(user)}`]);
      await once(socket, 'open');
      return socket;
    }),
  );
  const [from, to] = sockets as [WebSocket, WebSocket];
  await Promise.all(sockets.map((socket) => request(socket, { action: 'reconnect' }, isReply)));
  return {
    async send(times: number, samples: Samples) {
      for (let index = 0; index < times; index += 1) {
        const message = { action: 'send', recipientId: users[1], content, clientMessageId: randomUUID() };
        const pushed = untilFrame(to, ({ type }) => type === 'message.new');
        const started = performance.now();
        const sent = request(from, message, isReply).then(() => performance.now());
        samples.push.push((await pushed) - started);
        samples.confirmation.push((await sent) - started);
      }
    },
    async ping(times: number, samples: Samples) {
      for (let index = 0; index < times; index += 1) {
        const started = performance.now();
        await request(from, { action: 'ping' }, isReply);
        samples.ping.push(performance.now() - started);
      }
    },
    close() {
      for (const socket of sockets) socket.close();
    },
  };
}

function isReply({ type, requestId }: Frame, asked: string): boolean {
  if (type === 'error') throw new Error(`A request was refused: ${JSON.stringify({ type, requestId })}`);
  return requestId === asked && type !== 'reconnect.page';
}

async function request(socket: WebSocket, fields: object, isIt: typeof isReply): Promise<void> {
  const requestId = randomUUID();
  const answered = untilFrame(socket, (frame) => isIt(frame, requestId));
  socket.send(JSON.stringify({ ...fields, requestId }));
  await answered;
}

/** When the frame came. */
function untilFrame(socket: WebSocket, isIt: (frame: Frame) => boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    socket.on('message', function listener(data) {
      try {
        if (!isIt(JSON.parse(String(data)) as Frame)) return;
        resolve(performance.now());
      } catch (error) {
        reject(error);
      }
      socket.off('message', listener);
    });
  });
}

function emptySamples(): Samples {
  return { ping: [], push: [], confirmation: [] };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** Lowest, middle and highest. */
function spread(values: readonly number[]): string {
  const [lowest, middle, highest] = [0, 0.5, 1].map((share) => quantile(values, share).toFixed(1));
  return `${middle} (${lowest}–${highest})`;
}

function row(...cells: readonly unknown[]): void {
  console.log(`| ${cells.join(' | ')} |`);
}
