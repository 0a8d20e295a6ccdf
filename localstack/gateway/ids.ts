import { randomBytes } from 'node:crypto';

/** An id in the form of API Gateway's (`TXzPWdnOjoECGjA=`): 11 random bytes, so that its Base64 ends in `=`. */
export function makeId(): string {
  return `${randomBytes(11).toString('base64url')}=`;
}

/** A trace id as `X-Amzn-Trace-Id` carries it. `epochMs` is the time of the request. */
export function makeTraceId(epochMs: number): string {
  const seconds = Math.floor(epochMs / 1_000)
    .toString(16)
    .padStart(8, '0');
  return `Root=1-${seconds}-${randomBytes(12).toString('hex')}`;
}
