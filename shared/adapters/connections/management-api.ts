import {
  type ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import type { Clock, ConnectionGateway, Random } from '#shared/use-cases/ports.ts';
import { makeBackoff } from '#shared/use-cases/waiting.ts';
import { errorName, retrying } from '../retry.ts';

interface Options {
  /** One for the life of the environment, and without retries of its own: a frame that may have arrived is not sent twice. */
  readonly api: Pick<ApiGatewayManagementApiClient, 'send'>;
  readonly clock: Clock;
  readonly random: Random;
}

/** Throttled, or the client's buffer is full: not sent, so sending again is harmless. */
const postAttempts = 4;

/** API Gateway's `@connections`. */
export function makeManagementApi({ api, clock, random }: Options): ConnectionGateway {
  const backoff = makeBackoff(clock, random);

  return {
    async post(connectionId, frame) {
      const command = new PostToConnectionCommand({ ConnectionId: connectionId, Data: frame });
      try {
        await retrying(() => api.send(command), isThrottled, backoff, postAttempts);
        return 'posted';
      } catch (error) {
        if (isGone(error)) return 'gone';
        throw error;
      }
    },
    async close(connectionId) {
      try {
        const command = new DeleteConnectionCommand({ ConnectionId: connectionId });
        await retrying(() => api.send(command), isThrottled, backoff, postAttempts);
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    },
  };
}

/** In SDK v3 a 410 has this name; there is no `statusCode` on the error itself. */
function isGone(error: unknown): boolean {
  return errorName(error) === 'GoneException';
}

function isThrottled(error: unknown): boolean {
  const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
  return $metadata?.httpStatusCode === 429;
}
