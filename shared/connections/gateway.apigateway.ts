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
    async post(connectionId, frame, { mayRepeat = false, waitsForReader = false } = {}) {
      const command = new PostToConnectionCommand({ ConnectionId: connectionId, Data: frame });
      const isTransient = mayRepeat ? isThrottledOrUnanswered : isThrottled;
      const send = () => retrying(policies.post, () => api.send(command), isTransient);
      try {
        await (waitsForReader ? retrying(policies.fullSocket, send, isFull) : send());
        return 'posted';
      } catch (error) {
        if (isGone(error)) return 'gone';
        if (isFull(error)) return 'full';
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

/** Throttled: not sent, so sending again is harmless. */
function isThrottled(error: unknown): boolean {
  return statusOf(error) === 429 && !isFull(error);
}

/**
 * The client does not read, and what waits for it is as much as API Gateway keeps. It is a 429 of the same name as a
 * throttle, so only its words can tell. Words that tell of both are taken for a throttle: a healthy connection must not
 * be closed for the load of others.
 */
function isFull(error: unknown): boolean {
  if (statusOf(error) !== 429 || !(error instanceof Error)) return false;
  return /\bbuffer\b/i.test(error.message) && !/\brequests?\b/i.test(error.message);
}

/** The same, or there was no answer, or one of a server that failed: it may have been sent. */
function isThrottledOrUnanswered(error: unknown): boolean {
  return isThrottled(error) || (statusOf(error) ?? 500) >= 500;
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}
