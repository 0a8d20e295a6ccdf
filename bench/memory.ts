import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { optionsOrExit, readArguments } from '#infra/command-line.ts';
import { attempt } from '#test/contract/support/client.ts';

const usage = `npm run bench:memory

Runs "npm start" with ten clients that all write to each other at once, and tells the most memory that npm and all that it
started took together (PSS, which counts a shared page once). It needs Linux, and has no options but --help.`;

optionsOrExit((args) => readArguments(args, {}), usage);

const users = Array.from({ length: 10 }, (_, index) => `user${index}`);
const rounds = 20;
const sampleMs = 200;
const generous = { burst: 100_000, refillPerSecond: 1_000 };
const RATE_LIMITS = JSON.stringify({
  messagesPerUser: generous,
  messagesPerAddress: generous,
  requestsPerUser: generous,
});

const stack = spawn('npm', ['start'], {
  env: { ...process.env, PORT: '0', RATE_LIMITS },
  stdio: ['ignore', 'pipe', 'inherit'],
});
let highest = 0;
const sampling = setInterval(() => {
  highest = Math.max(highest, measure());
}, sampleMs);
try {
  const url = await addressOf(stack.stdout);
  const started = measure();
  const clients = await Promise.all(users.map((user) => connect(url, user)));
  for (let round = 0; round < rounds; round += 1) {
    const requests = clients.flatMap((client, me) =>
      users
        .filter((_, other) => other !== me)
        .flatMap((recipientId) => [
          client.requestOnce({ action: 'send', recipientId, content: 'Hello', clientMessageId: `${round}` }),
          client.requestOnce({ action: 'conversations' }),
        ]),
    );
    const refused = (await Promise.all(requests)).find(({ type }) => type === 'error');
    if (refused) throw new Error(`A request was refused: ${JSON.stringify(refused)}`);
  }
  await Promise.all(clients.map((client) => client.close()));
  console.log(`${started} MB once started, ${highest} MB at most`);
} finally {
  clearInterval(sampling);
  const ended = once(stack, 'exit');
  stack.kill('SIGTERM');
  await ended;
}

/** Megabytes of npm and everything below it. */
function measure(): number {
  const parents = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => [pid, /.*\) \S (\d+)/s.exec(read(`/proc/${pid}/stat`))?.[1]] as const),
  );
  const withThoseBelow = (pid: string): string[] => [
    pid,
    ...[...parents].filter(([, parent]) => parent === pid).flatMap(([child]) => withThoseBelow(child)),
  ];
  const kilobytes = withThoseBelow(String(stack.pid)).map((pid) =>
    Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0),
  );
  return Math.round(kilobytes.reduce((sum, each) => sum + each, 0) / 1024);
}

/** Empty if the process has ended meanwhile. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

async function addressOf(output: NodeJS.ReadableStream): Promise<string> {
  let address = '';
  for await (const line of createInterface({ input: output })) {
    address = /ws:\S+/.exec(line)?.[0] ?? address;
    if (line.startsWith('ready')) return address;
  }
  throw new Error('The stack did not start.');
}

async function connect(url: string, user: string) {
  const token = await (await fetch(new URL(`/token?user=${user}`, url.replace('ws', 'http')))).text();
  const handshake = await attempt(url, { protocols: ['postrider.v1', `bearer.${token}`] });
  if (!handshake.opened) throw new Error(`The handshake was refused with ${handshake.status}.`);
  await handshake.client.requestOnce({ action: 'reconnect' });
  return handshake.client;
}
