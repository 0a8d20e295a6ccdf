/** Checks a token. Throws only where the issuer's keys cannot be had. */
export type VerifyToken = (token: string) => Promise<Verification>;

export type Verification =
  | { readonly verdict: 'allowed'; readonly userId: string; readonly expiresAt: number }
  /** Malformed, expired, wrongly signed, of another issuer or audience. */
  | { readonly verdict: 'unauthorized'; readonly reason: RefusalReason }
  /** A right token of somebody who may not come in. */
  | { readonly verdict: 'forbidden'; readonly reason: RefusalReason };

/** Why somebody is not let in, for the log: words of ours alone, so that nothing of a token gets there. */
export type RefusalReason =
  | 'no token'
  | 'several tokens'
  | 'malformed'
  | 'algorithm'
  | 'unknown key'
  | 'signature'
  /** Signed for another purpose, such as a logout. */
  | 'type'
  | 'issuer'
  | 'audience'
  | 'not yet valid'
  | 'issued in the future'
  | 'expired'
  /** After the year 9999: milliseconds in the place of seconds. */
  | 'expiry'
  | 'claims'
  | 'subject'
  | 'scope';
