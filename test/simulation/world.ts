import { actions, isAction } from '#shared/actions.ts';
import { defaultRateLimits } from '#shared/limits/rate-limits.ts';
import type { RepairOptions } from '#shared/log/repair-conversation.ts';
import type { SocketEvent } from '#shared/runtime/socket-event.ts';
import type { FunctionTelemetry } from '#shared/runtime/telemetry.ts';
import { makeSharedCache } from './aws/cache.ts';
import { makeDynamoDB } from './aws/dynamodb.ts';
import { makeGateway, type Route } from './aws/gateway.ts';
import { makeKms } from './aws/kms.ts';
import { makeEventBus, makeQueue } from './aws/queue.ts';
import type { Rows } from './aws/rows.ts';
import { makeWire } from './aws/wire.ts';
import { secretWord } from './client/perform.ts';
import type { Finding } from './client/record.ts';
import { functions, type Surroundings } from './deployment.ts';
import type { Dice } from './dice.ts';
import { type Faults, makeFaults } from './faults.ts';
import { makeSandbox, type Sandbox } from './sandbox.ts';
import { makeScheduler, type Scheduler } from './scheduler.ts';
import { makeTrace, type Trace } from './trace.ts';

export interface WorldOptions {
  readonly without: readonly string[];
  readonly keepTrace: boolean;
}

/** Clocks differ by 1.5 s, and a request may be under way for 6 s. */
const expiryToleranceMs = 8_000;
const start = Date.UTC(2026, 0, 1);

/** One deployment with everything around it, under one seed. */
export function makeWorld(dice: Dice, { without, keepTrace }: WorldOptions) {
  const scheduler = makeScheduler(dice.fork(), start);
  const trace = makeTrace(scheduler.now, start, keepTrace);
  const faults = makeFaults(dice.fork(), without);
  const findings: Finding[] = [];
  const basis = { scheduler, dice: dice.fork(), faults, trace };
  const { telemetry, counts } = makeTelemetry(trace, findings);

  let lives = 1;
  const epoch = () => `life ${lives}`;
  let isClosed = false;
  const pool = makePool(basis);
  let dynamodb = makeDynamoDB(basis);
  const events = makeEventBus(faults);
  const queue = makeQueue({
    ...basis,
    deliver: async (records) =>
      isClosed ? undefined : await pool.run('deliver', (handle) => handle(records)),
  });
  const gateway = makeGateway({
    ...basis,
    // Nobody is served while tables are being restored.
    route: async (...call) => (isClosed ? undefined : await routeTo(pool)(...call)),
    epoch,
    onPosted(userId, frame, lateMs) {
      if (frame.startsWith('{"type":"message.new"') && lateMs > expiryToleranceMs)
        findings.push({ rule: 'expiry', detail: `${userId} got a push ${lateMs} ms after the expiry` });
    },
  });
  /** The bodies of every witness that a send made a request for, whatever became of it. */
  const witnesses: string[] = [];
  const rotates = dice.chance(0.3);
  const surroundings: Surroundings = {
    wire: makeWire(basis),
    dynamodb,
    kms: makeKms(dice.fork(), faults),
    queue,
    onWitness: (body) => void witnesses.push(body),
    events,
    gateway,
    sharedCache: undefined,
    telemetry,
    epoch: epoch(),
    rateLimits: dice.chance(0.7) ? generous : undefined,
    rotateAfterMs: rotates ? 15_000 : 24 * 3_600_000,
    keepMs: rotates ? 6_000 : 3_600_000,
  };
  const sharedCacheOf = dice.chance(0.5) ? () => makeSharedCache(basis) : undefined;
  pool.surroundings = { ...surroundings, sharedCache: sharedCacheOf?.() };

  /** The tables as they were, each row at its moment, in another life of the data. Every environment ends. */
  function restore(momentOf: MomentOf): void {
    lives += 1;
    dynamodb = makeDynamoDB(basis, dynamodb.rows.asOf(momentOf));
    pool.endAll('restored');
    pool.surroundings = { ...surroundings, dynamodb, epoch: epoch(), sharedCache: sharedCacheOf?.() };
    trace.note('restored', epoch());
  }

  return {
    ...{ scheduler, trace, faults, findings, counts, queue, events, gateway, witnesses, restore },
    dynamodb: () => dynamodb,
    close: (closed: boolean) => {
      isClosed = closed;
    },
    repair: (conversationId: string, options: RepairOptions) =>
      pool.run('repair', (repair) => repair(conversationId, options)),
  };
}

const generous = JSON.stringify(
  Object.fromEntries(
    Object.keys(defaultRateLimits).map((name) => [name, { burst: 100_000, refillPerSecond: 100_000 }]),
  ),
);

type FunctionName = keyof typeof functions;
type HandlerOf<N extends FunctionName> = ReturnType<(typeof functions)[N]>;
interface Environment {
  readonly sandbox: Sandbox;
  readonly handler: HandlerOf<FunctionName>;
}

type MomentOf = Parameters<Rows['asOf']>[0];

/** Environments of each function: one call at a time each, reused in any order, lost when they die. */
function makePool(basis: { scheduler: Scheduler; dice: Dice; faults: Faults; trace: Trace }) {
  const idle = new Map<FunctionName, Environment[]>();
  const running = new Set<Environment>();
  let made = 0;

  function take(name: FunctionName): Environment {
    const free = idle.get(name) ?? [];
    idle.set(name, free);
    const isCold = free.length === 0 || basis.dice.chance(0.05);
    if (!isCold) return free.splice(basis.dice.between(0, free.length - 1), 1)[0] ?? makeEnvironment(name);
    return makeEnvironment(name);
  }

  function makeEnvironment(name: FunctionName): Environment {
    made += 1;
    const sandbox = makeSandbox(`${name}-${made}`, basis);
    if (!pool.surroundings) throw new Error('The world is not complete yet.');
    return { sandbox, handler: functions[name](sandbox, pool.surroundings) };
  }

  const pool = {
    surroundings: undefined as Surroundings | undefined,
    endAll(cause: string): void {
      idle.clear();
      for (const { sandbox } of [...running]) sandbox.kill(cause);
    },
    /** `undefined` if the environment died on it. */
    async run<N extends FunctionName, T>(
      name: N,
      use: (handler: HandlerOf<N>) => Promise<T>,
    ): Promise<T | undefined> {
      const environment = take(name);
      const { sandbox, handler } = environment;
      running.add(environment);
      try {
        return await sandbox.invoke(() => use(handler as HandlerOf<N>));
      } finally {
        running.delete(environment);
        if (!sandbox.isDead()) idle.get(name)?.push(environment);
      }
    },
  };
  return pool;
}

type FrameFunction = 'send' | 'reconnect' | 'sync' | 'fallback';

/** As the routes of the API lead, which are made from the same rows. */
function functionFor(body: string): FrameFunction {
  const { action } = JSON.parse(body);
  return isAction(action) ? actions[action].function : 'fallback';
}

function routeTo(pool: ReturnType<typeof makePool>): Route {
  return async (route, event: SocketEvent) =>
    pool.run(route === 'frame' ? functionFor(event.body ?? '') : route, (handle) => handle(event));
}

/** Counts, and reads every line for what must not be in it. */
function makeTelemetry(trace: Trace, findings: Finding[]) {
  const counts = new Map<string, number>();
  const line = (event: string, fields: unknown, error?: unknown) => {
    const text = `${event} ${JSON.stringify(fields)} ${describe(error)}`;
    trace.note('log:', text);
    if (text.includes(secretWord)) findings.push({ rule: 'privacy', detail: `content in the log: ${event}` });
  };
  const telemetry: FunctionTelemetry = {
    info: line,
    warn: line,
    error: (event, error, fields) => {
      line(event, fields, error);
      if (event === 'defect') findings.push({ rule: 'defect', detail: describe(error, true) });
    },
    count: (name, by = 1) => void counts.set(name, (counts.get(name) ?? 0) + by),
    about: (keys) => line('about', keys),
    begin: (_context, keys) => line('begin', keys),
    of(keys) {
      line('of', keys);
      return telemetry;
    },
    flush: () => {},
  };
  return { telemetry, counts };
}

function describe(error: unknown, withStack = false): string {
  if (!(error instanceof Error)) return error === undefined ? '' : String(error);
  const text = withStack ? (error.stack ?? String(error)) : String(error);
  return error.cause === undefined ? text : `${text} (${describe(error.cause)})`;
}
