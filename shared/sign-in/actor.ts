/** Who acts, as the sign-in found them: the same over a connection and without one. */
export interface Actor {
  readonly userId: string;
  /** The IP address that the request came from. */
  readonly address: string;
  /** When the token that they signed in with expires, milliseconds since the epoch. */
  readonly expiresAt: number;
}
