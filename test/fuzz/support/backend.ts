import { createHash } from 'node:crypto';
import { PostToConnectionCommand } from '@aws-sdk/client-apigatewaymanagementapi';
import { actions, isAction } from '#shared/actions.ts';
import type { SocketEvent } from '#shared/runtime/socket-event.ts';
import type { FunctionTelemetry } from '#shared/runtime/telemetry.ts';
import { silentTelemetry } from '#test/support/telemetry.ts';
import { makeDynamoDB } from '../../simulation/aws/dynamodb.ts';
import { makeKms } from '../../simulation/aws/kms.ts';
import type { Answer } from '../../simulation/aws/wire.ts';
import { functions, type Surroundings } from '../../simulation/deployment.ts';
import { makeDice } from '../../simulation/dice.ts';
import type { Faults } from '../../simulation/faults.ts';
import type { Sandbox } from '../../simulation/sandbox.ts';
import type { Scheduler } from '../../simulation/scheduler.ts';

interface Service {
  perform(command: unknown, answer: Answer<unknown>): void;
}

/** Which life of the data this is, as devices hand it back. */
export const epoch = 'this life';

export type Frame = Readonly<Record<string, unknown>>;

/** The functions over AWS in memory, where nothing fails and nothing takes time. */
export interface Backend {
  /** A new user with one connection. */
  join(user: string): Promise<void>;
  /** Sends a frame of `user`; gives what answers it, pages included. */
  send(user: string, frame: string): Promise<Frame[]>;
  /** Everything that has come to `user`, answers and pushes. */
  received(user: string): readonly Frame[];
  /** What was logged as an error. */
  readonly defects: readonly string[];
}

export interface BackendOptions {
  readonly telemetry?: FunctionTelemetry;
  /** Asked before each call to AWS: the error that it fails with, or nothing. */
  onCall?(command: object): Error | undefined;
  /** Told of each answer of AWS. */
  onAnswer?(value: unknown): void;
}

export function makeBackend({
  telemetry: given,
  onCall = () => undefined,
  onAnswer = () => {},
}: BackendOptions = {}): Backend {
  const dice = makeDice(1);
  const received = new Map<string, Frame[]>();
  const defects: string[] = [];
  const telemetry = given ?? makeTelemetry(defects);
  const scheduler = makeInstantScheduler();
  const sandbox = makeOrdinarySandbox(scheduler);
  const calm: Faults = { happens: () => false, fateOf: () => 'fine', isCalm: () => true, stop: () => {} };
  const accepting: Service = { perform: (_command, answer) => answer.ok({}) };
  const watched = ({ perform }: Service): Service => ({
    perform(command, answer) {
      const error = onCall(command as object);
      if (error) return answer.fail(error);
      perform(command, {
        fail: answer.fail,
        ok(value) {
          onAnswer(value);
          answer.ok(value);
        },
      });
    },
  });
  const surroundings: Surroundings = {
    wire: { call: (_sandbox, call) => new Promise((ok, fail) => call.perform({ ok, fail })) },
    dynamodb: watched(makeDynamoDB({ scheduler, dice, faults: calm })),
    kms: watched(makeKms(dice, calm)),
    queue: watched(accepting),
    onWitness: () => {},
    events: watched(accepting),
    gateway: watched({
      perform(command, answer) {
        if (command instanceof PostToConnectionCommand)
          received.get(command.input.ConnectionId ?? '')?.push(JSON.parse(String(command.input.Data)));
        answer.ok({});
      },
    }),
    sharedCache: undefined,
    telemetry,
    rateLimits: undefined,
    epoch,
    rotateAfterMs: 24 * 3_600_000,
    keepMs: 3_600_000,
  };
  const connect = functions.connect(sandbox, surroundings);
  const byName = {
    send: functions.send(sandbox, surroundings),
    reconnect: functions.reconnect(sandbox, surroundings),
    sync: functions.sync(sandbox, surroundings),
    fallback: functions.fallback(sandbox, surroundings),
  };
  const routeOf = (action: unknown) =>
    typeof action === 'string' && isAction(action) ? action : ('$default' as const);
  const functionOf = (route: ReturnType<typeof routeOf>) =>
    byName[route === '$default' ? 'fallback' : actions[route].function];

  return {
    defects,
    received: (user) => received.get(user) ?? [],
    async join(user) {
      received.set(user, []);
      await connect(eventOf(user, scheduler));
      await byName.reconnect({ ...eventOf(user, scheduler, 'reconnect'), body: '{"action":"reconnect"}' });
    },
    async send(user, frame) {
      const frames = received.get(user) ?? [];
      const from = frames.length;
      const route = routeOf(actionOf(frame));
      const { body } = await functionOf(route)({ ...eventOf(user, scheduler, route), body: frame });
      if (body !== undefined) frames.push(JSON.parse(body));
      return frames.slice(from).filter(({ type }) => type !== 'message.new' && type !== 'receipt');
    },
  };
}

/** `$request.body.action`, as API Gateway selects the route. */
function actionOf(frame: string): unknown {
  try {
    return Object(JSON.parse(frame)).action;
  } catch {
    return undefined;
  }
}

function eventOf(user: string, { now }: Scheduler, routeKey = '$connect'): SocketEvent {
  // An address for each: the limits per address are not what is tried here.
  const digest = createHash('sha256').update(user).digest();
  return {
    requestContext: {
      connectionId: user,
      requestId: `request-of-${user}`,
      routeKey,
      connectedAt: now(),
      identity: { sourceIp: `10.${digest.subarray(0, 3).join('.')}` },
      authorizer: { userId: user, tokenExpiresAt: String(now() + 3_600), epoch },
    },
  };
}

function makeInstantScheduler(): Scheduler {
  let now = Date.UTC(2026, 0);
  return {
    now: () => {
      now += 1;
      return now;
    },
    after: (_milliseconds, run) => {
      run();
      return { at: now, tie: 0, run: undefined };
    },
    cancel: () => {},
    fingerprint: () => '',
    sleep: async () => {},
    run: (work) => work,
  };
}

/** Sleeps take no time; time limits, which have a signal, are never reached. */
function makeOrdinarySandbox(scheduler: Scheduler): Sandbox {
  const dice = makeDice(2);
  return {
    name: 'fuzz',
    random: () => dice.next(),
    randomBytes: (length) => dice.bytes(length),
    isDead: () => false,
    kill: () => {},
    resume: (task) => task(),
    invoke: (work) => work(),
    clock: {
      now: () => scheduler.now(),
      sleep: (_milliseconds, signal) =>
        new Promise((resolve) => {
          if (signal) signal.addEventListener('abort', () => resolve(), { once: true });
          else resolve();
        }),
    },
  };
}

function makeTelemetry(defects: string[]): FunctionTelemetry {
  return {
    ...silentTelemetry,
    error: (event, error) => void defects.push(`${event}: ${(error as Error)?.stack ?? error}`),
    of: () => makeTelemetry(defects),
  };
}
