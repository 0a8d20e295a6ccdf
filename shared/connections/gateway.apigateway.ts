import {
  type ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import type { Clock, Random } from '#shared/runtime/clock.ts';
import { errorName, makeRetries, policies } from '#shared/runtime/retries.ts';
import type { ConnectionGateway } from './gateway.ts';

interface Options {
  /** One for the life of the environment, and without retries of its own: a frame that may have arrived is not sent twice. */
  readonly api: Pick<ApiGatewayManagementApiClient, 'send'>;
  readonly clock: Clock;
  readonly random: Random;
}

/** API Gateway's `@connections`. */
export function makeManagementApi({ api, clock, random }: Options): ConnectionGateway {
  const { retrying } = makeRetries({ clock, random });

  return {
    async post(connectionId, frame, { mayRepeat } = { mayRepeat: false }) {
      const command = new PostToConnectionCommand({ ConnectionId: connectionId, Data: frame });
      const isTransient = mayRepeat ? isThrottledOrUnanswered : isThrottled;
      try {
        await retrying(policies.post, () => api.send(command), isTransient);
        return 'posted';
      } catch (error) {
        if (isGone(error)) return 'gone';
        throw error;
      }
    },
    async close(connectionId) {
      try {
        const command = new DeleteConnectionCommand({ ConnectionId: connectionId });
        await retrying(policies.post, () => api.send(command), isThrottled);
        return 'closed';
      } catch (error) {
        if (isGone(error)) return 'gone';
        throw error;
      }
    },
  };
}

/** In SDK v3 a 410 has this name; there is no `statusCode` on the error itself. */
function isGone(error: unknown): boolean {
  return errorName(error) === 'GoneException';
}

/** Throttled, or the client's buffer is full: not sent, so sending again is harmless. */
function isThrottled(error: unknown): boolean {
  return statusOf(error) === 429;
}

/** The same, or there was no answer, or one of a server that failed: it may have been sent. */
function isThrottledOrUnanswered(error: unknown): boolean {
  return isThrottled(error) || (statusOf(error) ?? 500) >= 500;
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}
