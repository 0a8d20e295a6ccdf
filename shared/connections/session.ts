/** Who is at the other end of the connection that a request came over. */
export interface Session {
  readonly userId: string;
  readonly connectionId: string;
  /** The client's IP address. */
  readonly address: string;
  /** When the connection's token expires, milliseconds since the epoch. */
  readonly expiresAt: number;
}
