import type { OnUnfit } from '#shared/runtime/failures.ts';

/** One device of a user: where pushes go. */
export interface Connection {
  readonly userId: string;
  readonly connectionId: string;
  /** The IP address that it was opened from. */
  readonly address: string;
  /** When its token expires, milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Milliseconds since the epoch. */
  readonly connectedAt: number;
  /** Whether its first `reconnect` has come: nothing is pushed before. */
  readonly ready: boolean;
  /** Which life of the data it was opened in. */
  readonly epoch?: string;
}

export interface Connections {
  add(connection: Connection): Promise<void>;
  remove(connection: Pick<Connection, 'userId' | 'connectionId'>): Promise<void>;
  /** Lets pushes begin. False if there is no such connection (any more). */
  markReady(connection: Pick<Connection, 'userId' | 'connectionId'>): Promise<boolean>;
  /** Every connection of the user, those that cannot live any longer left out. Throws `UnfitRow` without `onUnfit`. */
  of(userId: string, consistency: 'eventual' | 'strong', onUnfit?: OnUnfit): Promise<Connection[]>;
}
