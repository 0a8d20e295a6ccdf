import { PostriderError } from '../client/errors.ts';
import type { RequestFields } from '../client/frame.ts';
import { withDefaults } from '../client/options.ts';
import { makeCall } from '../client/requests.ts';
import { makeSession } from '../client/session.ts';
import type { GetToken } from '../client/tokens.ts';
import { makeConnector } from './connector.ts';
import type { Place } from './place.ts';

/**
 * The SDK's session without its inbox: asks as a user, and is no device of theirs. Nothing is pushed to it and it acknowledges
 * nothing, so a script that sends takes no message away from those who read.
 */
export interface Requester {
  /** Resolves with the answer; over a new connection where one is lost. Rejects with `CliError` or `PostriderError`. */
  ask: ReturnType<typeof makeCall>;
  close(): void;
}

export function openRequester(place: Place, getToken: GetToken, timeoutMs: number): Requester {
  const connector = makeConnector(place, getToken);
  const options = withDefaults(connector);
  const session = makeSession({
    ...options,
    // Without a `reconnect`, pushes never begin.
    catchUp: async () => ({ recovered: true }),
    onPush() {},
    onState() {},
    onError() {},
    onLine() {},
  });
  const call = makeCall({ ...options, line: session });
  session.connect();
  return {
    async ask(expected, fields: RequestFields) {
      try {
        return await Promise.race([connector.failed, call(expected, fields, { timeoutMs })]);
      } catch (error) {
        const isOffline = error instanceof PostriderError && error.code === 'offline';
        throw (isOffline && connector.lastFailure()) || error;
      }
    },
    close() {
      session.disconnect();
      session.close();
    },
  };
}
