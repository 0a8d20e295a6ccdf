import middy from '@middy/core';
import type { Action, Requests } from '#shared/actions.ts';
import type { ConnectionGateway } from '#shared/connections/gateway.ts';
import { chargesOf, chargesOfMalformed } from '#shared/limits/charges.ts';
import type { RateLimiter } from '#shared/limits/rate-limiter.ts';
import { refuseOverLimit } from '#shared/limits/refusals.ts';
import { epochChanged, errorFrame, ProtocolError } from '#shared/protocol/errors.ts';
import { badRequest } from '#shared/protocol/fields.ts';
import { type Reply, replyFrame } from '#shared/protocol/replies.ts';
import type { UseCases } from './call.ts';
import type { Clock } from './clock.ts';
import { toProtocolError } from './protocol-errors.ts';
import { type Frame, readFrame, readRequest } from './read-frame.ts';
import { actorOf, lineKeysOf, type SocketEvent, type SocketResult } from './socket-event.ts';
import type { FunctionTelemetry } from './telemetry.ts';

interface Options {
  /** By action. Another action over this function's routes is a `bad_request`. */
  readonly useCases: Partial<UseCases>;
  readonly gateway: ConnectionGateway;
  readonly limiter: RateLimiter;
  readonly clock: Clock;
  /** Which life of the data this is. */
  readonly epoch: string;
  readonly telemetry: FunctionTelemetry;
  /** How answers travel: in the route's response, or posted, where the route has none. */
  readonly answers: 'respond' | 'post';
}

type FrameEvent = SocketEvent & { frame: Frame };
type FrameMiddleware = middy.MiddlewareObj<FrameEvent, SocketResult>;

/** Before Lambda ends the function, in milliseconds: so long may it take to post that it was not done. */
const timeoutEarlyInMillis = 2_000;

/** The Lambda handler of routes that clients' frames arrive by: parses, calls the use case, answers. Never throws. */
export function makeFrameHandler(options: Options) {
  return middy<FrameEvent, SocketResult>({ timeoutEarlyInMillis })
    .use(tellWhose(options))
    .use(answerErrors(options))
    .use(readIt)
    .use(endOver(options))
    .handler(async (event) => {
      const { frame } = event;
      if ('error' in frame) return await refuse(options, event, frame.error);
      options.telemetry.about({ action: frame.action });
      const reply = await perform(options, frame.action, frame.given, event);
      return reply ? answer(options, event, replyFrame(reply, frame.requestId)) : { statusCode: 200 };
    });
}

/** Generic, so that the compiler holds each action's request against its own use case. */
async function perform<A extends Action>(
  options: Options,
  action: A,
  given: Readonly<Record<string, unknown>>,
  event: FrameEvent,
): Promise<Reply | undefined> {
  let request: Requests[A];
  try {
    request = readRequest(action, given);
  } catch (error) {
    return await refuse(options, event, error);
  }
  const useCase = options.useCases[action];
  if (!useCase)
    return await refuse(options, event, badRequest(`"${action}" was not routed by its "action".`));
  const actor = actorOf(event);
  const { requestId } = event.frame;
  const began = options.clock.now();
  const reply = await useCase(request, {
    actor,
    connectionId: event.requestContext.connectionId,
    charges: chargesOf(action, request, actor),
    ...(requestId !== undefined && { requestId }),
  });
  const name = timed[action];
  if (name !== undefined) options.telemetry.time(name, options.clock.now() - began);
  return reply;
}

/** Requests whose success is counted and timed, from frame to answer. Each name costs as a metric of its own. */
const timed: { readonly [A in Action]?: string } = { send: 'SendAnswered', reconnect: 'ReconnectAnswered' };

/** Throws `error`, or `rate_limited`: what cannot be read costs its user as much as the smallest request. */
async function refuse({ limiter }: Options, event: FrameEvent, error: unknown): Promise<never> {
  await refuseOverLimit(limiter, chargesOfMalformed(actorOf(event)));
  throw error;
}

async function answer(
  { answers, gateway }: Pick<Options, 'answers' | 'gateway'>,
  { requestContext }: SocketEvent,
  frame: string,
): Promise<SocketResult> {
  if (answers === 'respond') return { statusCode: 200, body: frame };
  await gateway.post(requestContext.connectionId, frame);
  return { statusCode: 200 };
}

const readIt: FrameMiddleware = {
  before: ({ event }) => {
    event.frame = readFrame(event.body ?? '');
  },
};

/** A frame over a connection whose time is over gets one answer, and the connection ends. */
function endOver(options: Options): FrameMiddleware {
  const { gateway } = options;
  return {
    before: async ({ event }) => {
      const error = whyOver(options, event);
      if (!error) return;
      const { connectionId } = event.requestContext;
      // Posted and awaited: a route's response would come after the end.
      try {
        await gateway.post(connectionId, JSON.stringify(errorFrame(error, event.frame.requestId)));
      } finally {
        await gateway.close(connectionId);
        // An answer from here passes over what comes after the handler.
        options.telemetry.flush();
      }
      return { statusCode: 200 };
    },
  };
}

/** The token is honoured during the connection too, and a connection belongs to the life of the data that it was opened in. */
function whyOver({ clock, epoch }: Options, event: SocketEvent): ProtocolError | undefined {
  if (clock.now() >= actorOf(event).expiresAt)
    return new ProtocolError('unauthenticated', 'The token of this connection has expired.');
  return event.requestContext.authorizer.epoch === epoch ? undefined : epochChanged(epoch);
}

function answerErrors(options: Options): FrameMiddleware {
  return {
    onError: async (request) => {
      const error = toProtocolError(request.error, options.telemetry);
      const frame = JSON.stringify(errorFrame(error, request.event.frame?.requestId));
      try {
        request.response = await answer(options, request.event, frame);
      } catch (failure) {
        options.telemetry.error('answer failed', failure);
        request.response = { statusCode: 200 };
      }
    },
  };
}

/** The first to begin and the last to end: every line of the invocation tells whose it is. */
function tellWhose({ telemetry }: Options): FrameMiddleware {
  const flush = () => telemetry.flush();
  return {
    before: ({ event, context }) => telemetry.begin(context, lineKeysOf(event)),
    after: flush,
    onError: flush,
  };
}
