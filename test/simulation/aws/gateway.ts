import { DeleteConnectionCommand, PostToConnectionCommand } from '@aws-sdk/client-apigatewaymanagementapi';
import type { SocketEvent } from '#shared/runtime/socket-event.ts';
import type { Dice } from '../dice.ts';
import type { Faults } from '../faults.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Trace } from '../trace.ts';
import { NotModelled } from './expressions.ts';
import { type Answer, awsError } from './wire.ts';

/** What the Lambda side answers: a frame for the sender, nothing, or `undefined` if it died. */
export type Route = (
  route: 'connect' | 'disconnect' | 'frame',
  event: SocketEvent,
) => Promise<{ readonly statusCode: number; readonly body?: string } | undefined>;

/** The device's end of a connection. */
export interface Socket {
  readonly connectionId: string;
  send(frame: string): void;
  /** The device goes away, with or without the gateway noticing at once. */
  leave(): void;
  readonly isOpen: () => boolean;
}

export interface SocketListener {
  onFrame(frame: string): void;
  onClose(): void;
}

interface Connection {
  readonly event: SocketEvent;
  readonly listener: SocketListener;
  /** As the gateway sees it. */
  phase: 'opening' | 'open' | 'closed';
  hasLeft: boolean;
  /** When the last frame arrives at the device: frames of one socket do not overtake each other. */
  lastArrival: number;
}

interface Options {
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly faults: Faults;
  readonly trace: Trace;
  readonly route: Route;
  /** Which life of the data connections are opened in, as the authorizer tells. */
  readonly epoch: () => string;
  /** `lateMs`: how long after the expiry of the connection's token, negative before. */
  readonly onPosted: (userId: string, frame: string, lateMs: number) => void;
}

/** API Gateway's WebSocket API with its `@connections`. */
export function makeGateway(options: Options) {
  const { scheduler, dice, faults, trace, route } = options;
  const connections = new Map<string, Connection>();
  let opened = 0;

  function toDevice(connection: Connection, frame: string): void {
    const arrival = Math.max(connection.lastArrival, scheduler.now() + dice.between(1, 40));
    connection.lastArrival = arrival + 1;
    scheduler.after(arrival - scheduler.now(), () => {
      if (!connection.hasLeft) connection.listener.onFrame(frame);
    });
  }

  function close(connectionId: string, connection: Connection): void {
    if (connection.phase === 'closed') return;
    connection.phase = 'closed';
    trace.note(connectionId, 'is closed');
    scheduler.after(dice.between(0, 50), () => {
      if (!connection.hasLeft) connection.listener.onClose();
    });
    // Best effort, and it may come late.
    if (dice.chance(0.8))
      scheduler.after(dice.between(0, 500), () => void route('disconnect', connection.event).catch(() => {}));
  }

  async function inbound(connectionId: string, connection: Connection, frame: string): Promise<void> {
    if (connection.phase !== 'open') return;
    const failed = JSON.stringify({ message: 'Internal server error', connectionId, requestId: 'r' });
    const result = await route('frame', { ...connection.event, body: frame }).catch(() => undefined);
    if (connection.phase !== 'open') return;
    if (faults.happens('hangUp')) return close(connectionId, connection);
    if (!result) toDevice(connection, failed);
    else if (result.body !== undefined) toDevice(connection, result.body);
  }

  function socketOf(connectionId: string, connection: Connection): Socket {
    return {
      connectionId,
      isOpen: () => connection.phase === 'open' && !connection.hasLeft,
      send(frame) {
        scheduler.after(dice.between(1, 30), () => void inbound(connectionId, connection, frame));
      },
      leave() {
        connection.hasLeft = true;
        // A dead socket answers 200 until the gateway finds out.
        const lingers = faults.happens('zombie') ? dice.between(100, 20_000) : dice.between(0, 100);
        scheduler.after(lingers, () => close(connectionId, connection));
      },
    };
  }

  return {
    /** `undefined` where the handshake was refused. */
    async open(userId: string, lifeMs: number, listener: SocketListener): Promise<Socket | undefined> {
      opened += 1;
      const connectionId = `connection-${opened}`;
      const tokenExpiresAt = String(Math.floor((scheduler.now() + lifeMs) / 1000));
      const event: SocketEvent = {
        requestContext: {
          connectionId,
          connectedAt: scheduler.now(),
          identity: { sourceIp: '192.0.2.1' },
          authorizer: { userId, tokenExpiresAt, epoch: options.epoch() },
        },
      };
      const connection: Connection = { event, listener, phase: 'opening', hasLeft: false, lastArrival: 0 };
      connections.set(connectionId, connection);
      const result = await route('connect', event).catch(() => undefined);
      await scheduler.sleep(dice.between(0, 20));
      const isRefused = result?.statusCode !== 200 || connection.phase !== 'opening';
      connection.phase = isRefused ? 'closed' : 'open';
      trace.note(connectionId, 'of', userId, connection.phase);
      return isRefused ? undefined : socketOf(connectionId, connection);
    },

    perform(command: unknown, answer: Answer<unknown>) {
      const isKnown =
        command instanceof PostToConnectionCommand || command instanceof DeleteConnectionCommand;
      if (!isKnown) return answer.fail(new NotModelled('an @connections command'));
      const connectionId = command.input.ConnectionId ?? '';
      const connection = connections.get(connectionId);
      if (connection?.phase !== 'open') return answer.fail(awsError('GoneException', 410));
      if (faults.happens('throttled')) return answer.fail(awsError('LimitExceededException', 429));
      if (faults.happens('unread')) {
        const message = 'The client-side buffer is full';
        return answer.fail(awsError('LimitExceededException', 429, { message }));
      }
      if (command instanceof PostToConnectionCommand) {
        const frame = String(command.input.Data);
        toDevice(connection, frame);
        const { userId, tokenExpiresAt } = connection.event.requestContext.authorizer;
        options.onPosted(userId, frame, scheduler.now() - Number(tokenExpiresAt) * 1000);
      } else close(connectionId, connection);
      answer.ok({});
    },
  };
}
