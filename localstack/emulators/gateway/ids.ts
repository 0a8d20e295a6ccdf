import { randomBytes } from 'node:crypto';

/** An id in the form of API Gateway's (`TXzPWdnOjoECGjA=`): 11 random bytes, so that its Base64 ends in `=`. */
export function makeId(): string {
  return `${randomBytes(11).toString('base64url')}=`;
}
