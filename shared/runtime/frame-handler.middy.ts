import middy from '@middy/core';
import type { ConnectionGateway } from '#shared/connections/gateway.ts';
import type { Session } from '#shared/connections/session.ts';
import { errorFrame, ProtocolError } from '#shared/protocol/errors.ts';
import { badRequest } from '#shared/protocol/fields.ts';
import { type Reply, replyFrame } from '#shared/protocol/replies.ts';
import { type Action, type ParsedFrame, parseRequest, type RequestOf } from '#shared/protocol/requests.ts';
import type { Clock } from './clock.ts';
import { toProtocolError } from './protocol-errors.ts';
import { type SocketEvent, type SocketResult, sessionOf } from './socket-event.ts';
import type { FlushableTelemetry } from './telemetry.powertools.ts';

type UseCases = {
  readonly [A in Action]?: (
    request: RequestOf<A>,
    session: Session,
    requestId: string | undefined,
  ) => Promise<Reply | undefined>;
};

interface Options {
  /** By action. Another action over this function's routes is a `bad_request`. */
  readonly useCases: UseCases;
  readonly gateway: ConnectionGateway;
  readonly clock: Clock;
  readonly telemetry: FlushableTelemetry;
  /** How answers travel: in the route's response, or posted, where the route has none. */
  readonly answers: 'respond' | 'post';
}

type FrameEvent = SocketEvent & { frame: ParsedFrame };
type FrameMiddleware = middy.MiddlewareObj<FrameEvent, SocketResult>;

/** Before Lambda ends the function, in milliseconds: so long may it take to post that it was not done. */
const timeoutEarlyInMillis = 2_000;

/** The Lambda handler of routes that clients' frames arrive by: parses, calls the use case, answers. Never throws. */
export function makeFrameHandler(options: Options) {
  return middy<FrameEvent, SocketResult>({ timeoutEarlyInMillis })
    .use(flushTelemetry(options))
    .use(answerErrors(options))
    .use(readFrame)
    .use(endExpired(options))
    .handler(async (event) => {
      const { frame } = event;
      if ('error' in frame) throw frame.error;
      const { request, requestId } = frame;
      const useCase = options.useCases[request.action] as UseCases[keyof UseCases] | undefined;
      if (!useCase) throw badRequest(`"${request.action}" was not routed by its "action".`);
      const reply = await (useCase as NonNullable<UseCases[Action]>)(
        request as never,
        sessionOf(event),
        requestId,
      );
      return reply ? answer(options, event, replyFrame(reply, requestId)) : { statusCode: 200 };
    });
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

const readFrame: FrameMiddleware = {
  before: ({ event }) => {
    event.frame = parseRequest(event.body ?? '');
  },
};

/** The token is honoured during the connection too: after its expiry a frame gets one answer, and the connection ends. */
function endExpired({ gateway, clock }: Options): FrameMiddleware {
  return {
    before: async ({ event }) => {
      if (clock.now() < sessionOf(event).expiresAt) return;
      const { connectionId } = event.requestContext;
      const error = new ProtocolError('unauthenticated', 'The token of this connection has expired.');
      // Posted and awaited: a route's response would come after the end.
      try {
        await gateway.post(connectionId, JSON.stringify(errorFrame(error, event.frame.requestId)));
      } finally {
        await gateway.close(connectionId);
      }
      return { statusCode: 200 };
    },
  };
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

function flushTelemetry({ telemetry }: Options): FrameMiddleware {
  const flush = () => telemetry.flush();
  return { after: flush, onError: flush };
}
