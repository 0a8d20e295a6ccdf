/** `npm start`: the whole backend on this machine, until Ctrl-C. */
import { watchNpm } from './stack/parent-watch.ts';
import { readStartSettings, type StartSettings } from './stack/start-settings.ts';
import type { Stack } from './stack.ts';

if (process.platform === 'linux' && process.env.MALLOC_ARENA_MAX === undefined) beginAgainWithFewArenas();

const stopTimeoutMs = 15_000;

const startedAt = performance.now();
const ending = Promise.withResolvers<number>();
let isEnding = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(0));
if (process.env.npm_lifecycle_event !== undefined) watchNpm(() => end(0));
// Whoever read our output may be gone before us.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => end(0));

process.exit(await run());

/**
 * The allocator reads this only once, and would otherwise keep an arena for each of the many threads. The process stays the
 * same one. In package.json's script it would be in the way of arguments, which npm puts at its end.
 */
function beginAgainWithFewArenas(): void {
  const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve?.(process.execPath, command, { ...process.env, MALLOC_ARENA_MAX: '2' });
}

/** However often it is asked for, it ends once, with the first reason's exit code. */
function end(exitCode: number): void {
  if (isEnding) return;
  isEnding = true;
  ending.resolve(exitCode);
  console.log('stopping …');
}

async function run(): Promise<number> {
  try {
    const starting = start(readStartSettings(process.env, process.argv.slice(2)));
    const stack = await Promise.race([starting, ending.promise.then(() => undefined)]);
    if (stack !== undefined && !isEnding) describe(stack);
    const exitCode = await ending.promise;
    // What is still starting has to be whole before it can be stopped.
    return (await isInTime(starting.then(({ stop }) => stop()))) ? exitCode : 1;
  } catch (error) {
    console.error(explain(error));
    return 1;
  }
}

async function start(settings: StartSettings): Promise<Stack> {
  console.log('Postrider: starting …');
  // Loaded late, so that a missing dependency can be explained.
  const { startStack } = await import('./stack.ts');
  const stack = await startStack({
    port: settings.port,
    ...(settings.host !== undefined && { host: settings.host }),
    ...(settings.dataDir !== undefined && { dataDir: settings.dataDir }),
    environment: {
      ...(settings.rateLimits !== undefined && { RATE_LIMITS: settings.rateLimits }),
      ...(settings.trustedNetworks !== undefined && { TRUSTED_NETWORKS: settings.trustedNetworks }),
    },
    onLog: (line) => console.error(line),
    onNotification: (_, detail) => console.log(`notification: ${JSON.stringify(detail)}`),
    onCrash(error) {
      console.error(
        `${error.message}\nThe stack cannot work without it, and ends. Start it again with: npm start`,
      );
      end(1);
    },
  });
  // Its process of 250 MB has done its work.
  const bundler = await import('esbuild');
  await bundler.stop();
  return stack;
}

function describe(stack: Stack): void {
  const { dataDirectory, cache, databasePid, endpoints, httpUrl, openAt } = stack;
  const lines = [
    ['WebSocket', stack.url],
    ['demo page', `${httpUrl}/`],
    ['a token', `${httpUrl}/token?user=alice`],
    ['data', dataDirectory.temporary ? 'gone at the end (keep it with DATA_DIR=path)' : dataDirectory.path],
    ['database', databasePid ? `${endpoints.dynamodb} (no browser reaches it)` : endpoints.dynamodb],
    ['cache', cache ? `${cache.url} (${cache.origin})` : 'none (there is one if valkey-server is installed)'],
  ];
  for (const [name = '', value] of lines) console.log(`  ${name.padEnd(10)} ${value}`);
  if (openAt.length > 0) console.log(warnOfOthers(openAt));
  console.log(`ready in ${((performance.now() - startedAt) / 1000).toFixed(1)} s, Ctrl-C ends it`);
}

function warnOfOthers(openAt: readonly string[]): string {
  const line = '!'.repeat(80);
  return [
    line,
    'HOST: THIS IS OPEN TO OTHERS. Whoever reaches one of these is let in as any user, and reads all of',
    'their messages. It is for a network that you trust, and for data that nobody minds.',
    ...openAt.map((url) => `  ${url}/`),
    line,
  ].join('\n');
}

async function isInTime(stopping: Promise<void>): Promise<boolean> {
  const timeout = new Promise<'late'>((resolve) => setTimeout(resolve, stopTimeoutMs, 'late'));
  if ((await Promise.race([stopping, timeout])) !== 'late') return true;
  console.error(
    `Not everything ended within ${stopTimeoutMs / 1000} s. What is left ends with this process.`,
  );
  return false;
}

/** For a person at a terminal: what is wrong and what to do, and a stack only where neither is known. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE')
    return `Port ${'port' in error ? error.port : ''} is in use. Stop what uses it, or choose another one: PORT=4511 npm start`;
  if (code === 'EACCES' && 'port' in error)
    return `Port ${error.port} may not be used by this user. Choose one above 1023: PORT=4511 npm start`;
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND')
    return `${error.message.split('\n')[0]}\nA dependency is missing. Install them all with: npm install`;
  return error.message;
}
