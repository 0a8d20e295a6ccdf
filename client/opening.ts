import type { Push } from '#shared/protocol/replies.ts';
import type { Clock } from './clock.ts';
import { type Connection, openConnection } from './connection.ts';
import { defer } from './deferred.ts';
import { ConnectionLost, clientError, type Loss, type PostriderError } from './errors.ts';
import type { Stop } from './stop.ts';
import type { Token, Tokens } from './tokens.ts';
import type { WebSocketConstructor } from './web-socket.ts';

export interface Opened {
  readonly connection: Connection;
  readonly token: Token;
  /** Resolves with the reason when it has ended. */
  readonly ended: Promise<Loss>;
}

interface OpenerOptions {
  readonly url: string;
  readonly tokens: Tokens;
  readonly WebSocket: WebSocketConstructor;
  readonly clock: Clock;
  readonly replyTimeoutMs: number;
  readonly pingIntervalMs: number;
  onPush(push: Push): void;
  onError(error: PostriderError): void;
  onEnd(connection: Connection, loss: Loss): void;
}

export interface Opener {
  /** Resolves with an open connection; rejects with `ConnectionLost`. It is closed when `stop` is stopped. */
  open(stop: Stop): Promise<Opened>;
  /** Whether a handshake is under way. */
  isOpening(): boolean;
}

export function makeOpener(options: OpenerOptions): Opener {
  let handshakes = 0;

  async function open(stop: Stop): Promise<Opened> {
    const token = await options.tokens.next(stop);
    if (stop.isStopped()) throw new ConnectionLost({ reason: 'replaced' });
    const opening = defer();
    const ending = defer<Loss>();
    const connection = begin(options, token, opening.resolve, (loss) => {
      opening.reject(new ConnectionLost(loss));
      ending.resolve(loss);
      options.onEnd(connection, loss);
    });
    const unlisten = stop.onStop(() => connection.close());
    void ending.promise.then(unlisten);
    handshakes += 1;
    try {
      await opening.promise;
    } finally {
      handshakes -= 1;
    }
    return { connection, token, ended: ending.promise };
  }

  return { open, isOpening: () => handshakes > 0 };
}

/** Throws `ConnectionLost` where the WebSocket refuses to be made: a page's security policy for instance. */
function begin(
  options: OpenerOptions,
  { text }: Token,
  onOpen: () => void,
  onEnd: (loss: Loss) => void,
): Connection {
  try {
    return openConnection({ ...options, token: text, onOpen, onStrayError: options.onError, onEnd });
  } catch (cause) {
    options.onError(clientError('bad_options', 'A WebSocket to this "url" cannot be made here.', cause));
    throw new ConnectionLost({ reason: 'refused' });
  }
}
