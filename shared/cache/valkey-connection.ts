/** A command and its arguments, such as `['ZADD', key, seq, entry]`. */
export type ValkeyCommand = readonly [name: string, ...args: (string | number | Uint8Array)[]];

/** A reply as the server gave it. A command that it refused has an `Error` in its place. */
export type ValkeyReply = string | number | Uint8Array | null | Error | readonly ValkeyReply[];

/** The little that the cache asks of a client library, and all that a test or a simulation has to stand in for. */
export interface ValkeyConnection {
  /** False once the connection has ended; it then stays so. */
  isOpen(): boolean;
  /** Sends the commands in one write, all of them for one hash slot: one reply each. Rejects when the connection fails. */
  pipeline(commands: readonly ValkeyCommand[]): Promise<readonly ValkeyReply[]>;
  /** The same between MULTI and EXEC: all of them happen, or none. */
  transaction(commands: readonly ValkeyCommand[]): Promise<readonly ValkeyReply[]>;
  /** Ends it at once. What is in flight is rejected. */
  close(): void;
}

/** Makes a new, signed-in connection, or rejects. It never reconnects by itself. */
export type ValkeyConnect = () => Promise<ValkeyConnection>;
