import type { TableNames } from '#localstack/emulators/dynamodb/create-tables.ts';
import { isRecord } from '#localstack/emulators/gateway/integration.ts';
import type { ObservedInvocation } from '#localstack/emulators/lambda/local-function.ts';
import type { CacheObserver } from '#localstack/wire/cache-wire.ts';
import type { WireCall, WireOutcome } from '#localstack/wire/wire.ts';
import {
  connectionOf,
  type FrameSummary,
  parse,
  refusalOf,
  summariseFrame,
  tablesOf,
} from './describe-call.ts';
import { dollarsOfCacheCall, dollarsOfCall, dollarsOfFrame, dollarsOfInvocation } from './dollars.ts';
import type { Flow, Step } from './flow.ts';

export interface FlowRecord {
  began(call: WireCall): void;
  ended(call: WireCall, outcome: WireOutcome): void;
  readonly cache: CacheObserver;
  returned(outcome: 'returned' | 'failed', result: string | undefined): void;
  /** As far as it has got. */
  flow(): Flow;
}

interface FlowRecordOptions {
  readonly id: number;
  readonly invocation: ObservedInvocation;
  readonly tableNames: TableNames;
  /** Whose connection this is, if that is known. */
  userOf(connectionId: string): string | undefined;
}

const unanswered = {
  ...{ tookMs: undefined, status: undefined, refusal: undefined, answerBytes: 0 },
  ...{ readUnits: undefined, writeUnits: undefined, found: undefined, dollarsPerMillion: undefined },
} satisfies Partial<Step>;

/** Records what one invocation does. Of what passes by it keeps sizes, times, counts and names. */
export function recordFlow({ id, invocation, tableNames, userOf }: FlowRecordOptions): FlowRecord {
  const startedAt = performance.now();
  const { functionName, coldStart } = invocation;
  const source = sourceOf(invocation.event);
  const steps = new Map<string, Step>();
  const messageIds = [...source.messageIds];
  let result: Pick<Flow, 'outcome' | 'tookMs'> = { outcome: 'running', tookMs: undefined };
  let answer: (FrameSummary & { readonly bytes: number }) | undefined;
  /** Messages in the frames that it posted in answer to this request. */
  let posted = 0;

  function about(call: WireCall): string {
    const body = call.body.toString();
    if (call.service === 'dynamodb') return tablesOf(parse(body), tableNames).join(', ');
    if (call.service !== 'connections') return '';
    const user = userOf(connectionOf(call)) ?? 'a connection';
    return `${summariseFrame(body)?.type ?? ''} to ${user}`.trim();
  }

  function begin(begun: Omit<Step, keyof typeof unanswered>): void {
    steps.set(begun.id, { ...begun, ...unanswered });
  }

  function end(stepId: string, answerOf: (step: Step) => Partial<Step>): void {
    const step = steps.get(stepId);
    if (step) steps.set(stepId, { ...step, ...answerOf(step) });
  }

  return {
    began(call) {
      const { service, operation, roundTrip, body, beganAt } = call;
      if (service === 'sqs') messageIds.push(...messageIdsIn(parse(body.toString())?.MessageBody));
      if (service === 'connections') {
        const frame = summariseFrame(body.toString());
        if (frame?.type === 'reconnect.page') posted += frame.messages;
      }
      begin({
        ...{ id: `call-${call.id}`, service, operation, about: about(call), roundTrip },
        ...{ fromMs: beganAt - startedAt, requestBytes: body.length },
      });
    },
    ended(call, outcome) {
      const dollars = dollarsOfCall(call, outcome);
      end(`call-${call.id}`, (step) => ({
        tookMs: outcome.endedAt - call.beganAt,
        status: outcome.answer?.statusCode ?? 'cut',
        refusal: outcome.answer && refusalOf(outcome.answer),
        answerBytes: outcome.answer?.body.length ?? 0,
        readUnits: outcome.consumed?.read,
        writeUnits: outcome.consumed?.write,
        found: messagesFound(step, outcome),
        dollarsPerMillion: dollars === undefined ? undefined : dollars * 1e6,
      }));
    },
    cache: {
      began({ id, commands, bytes, beganAt }) {
        begin({
          ...{ id: `cache-${id}`, service: 'cache', operation: [...new Set(commands)].join(' '), about: '' },
          ...{ roundTrip: undefined, fromMs: beganAt - startedAt, requestBytes: bytes },
        });
      },
      ended({ id, bytes: requestBytes, beganAt }, { endedAt, bytes, found }) {
        const dollarsPerMillion = dollarsOfCacheCall(requestBytes + bytes) * 1e6;
        end(`cache-${id}`, () => ({
          ...{ tookMs: endedAt - beganAt, answerBytes: bytes, found, dollarsPerMillion },
        }));
      },
    },
    returned(outcome, json) {
      result = { outcome, tookMs: performance.now() - startedAt };
      const { body } = parse(json) ?? {};
      const frame = typeof body === 'string' ? summariseFrame(body) : undefined;
      if (frame) answer = { ...frame, bytes: Buffer.byteLength(String(body)) };
    },
    flow() {
      const calls = [...steps.values()];
      return {
        ...{ id, functionName, routeKey: source.routeKey, userId: source.userId, at: source.at, coldStart },
        ...{ waitedMs: Math.max(0, performance.timeOrigin + startedAt - source.at), ...result, messageIds },
        ...{
          requestBytes: source.bytes,
          answer: answer?.type,
          answerBytes: answer?.bytes ?? 0,
          steps: calls,
        },
        tiers: tiersOf(calls, (answer?.messages ?? 0) + posted),
        dollarsPerMillion: dollarsOf(source, answer?.bytes, calls),
      };
    },
  };
}

function messagesFound({ operation, about }: Step, { answer }: WireOutcome): number | undefined {
  if (operation !== 'Query' || about !== 'messages' || answer === undefined) return undefined;
  const { Count } = parse(answer.body.toString()) ?? {};
  return typeof Count === 'number' ? Count : undefined;
}

function tiersOf(steps: readonly Step[], told: number): Flow['tiers'] {
  if (told === 0) return undefined;
  const found = (service: string) =>
    steps.reduce((sum, step) => sum + (step.service === service ? (step.found ?? 0) : 0), 0);
  return { told, fromCache: found('cache'), fromDatabase: found('dynamodb') };
}

function dollarsOf(source: Source, answerBytes: number | undefined, steps: readonly Step[]): number {
  const calls = steps.reduce((sum, step) => sum + (step.dollarsPerMillion ?? 0), 0);
  const inbound = source.isFrame ? dollarsOfFrame(source.bytes) : 0;
  const outbound = answerBytes === undefined ? 0 : dollarsOfFrame(answerBytes);
  return calls + (inbound + outbound + dollarsOfInvocation) * 1e6;
}

interface Source {
  readonly routeKey: string | undefined;
  readonly userId: string | undefined;
  readonly at: number;
  readonly bytes: number;
  /** A frame of a client, which is charged; a handshake is not. */
  readonly isFrame: boolean;
  readonly messageIds: readonly string[];
}

/** What an event says of itself: API Gateway's, or the queue's. */
function sourceOf(event: unknown): Source {
  const { requestContext, body, Records, type } = Object(event) as Record<string, unknown>;
  const context = isRecord(requestContext) ? requestContext : {};
  const authorizer = isRecord(context.authorizer) ? context.authorizer : {};
  const records = Array.isArray(Records) ? Records : [];
  return {
    // The authorizer's event is that of `$connect`, whose own comes after it.
    routeKey: typeof context.routeKey === 'string' && type !== 'REQUEST' ? context.routeKey : undefined,
    userId: typeof authorizer.userId === 'string' ? authorizer.userId : undefined,
    at: typeof context.requestTimeEpoch === 'number' ? context.requestTimeEpoch : Date.now(),
    bytes: typeof body === 'string' ? Buffer.byteLength(body) : 0,
    isFrame: context.eventType === 'MESSAGE',
    messageIds: records.flatMap((record) => messageIdsIn(Object(record).body)),
  };
}

/** Of a reference in the queue: it names a message, and holds nothing of it. */
function messageIdsIn(body: unknown): string[] {
  const messageId = typeof body === 'string' ? parse(body)?.messageId : undefined;
  return typeof messageId === 'string' ? [messageId] : [];
}
