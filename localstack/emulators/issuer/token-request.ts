import { limits } from '#shared/protocol/limits.ts';
import { isUserId } from '#shared/protocol/user-id.ts';

// A year: beyond it a typo is more likely than a wish.
const longestTtlSeconds = 365 * 24 * 3_600;

export type TokenRequest =
  | { readonly user: string; readonly ttlSeconds?: number }
  | { readonly refusal: string };

/** The query of `GET /token`, or why it is refused, in words for the person who typed it. */
export function parseTokenRequest(query: URLSearchParams): TokenRequest {
  const unknown = [...query.keys()].find((name) => name !== 'user' && name !== 'ttl');
  if (unknown !== undefined)
    return { refusal: `There is no ${JSON.stringify(unknown)}; there are "user" and "ttl".` };
  const [user, ...otherUsers] = query.getAll('user');
  const [ttl, ...otherTtls] = query.getAll('ttl');
  if (user === undefined || user === '') return { refusal: 'Name the user: "user" is missing.' };
  if (otherUsers.length > 0 || otherTtls.length > 0)
    return { refusal: 'Name "user" and "ttl" once at most.' };
  if (!isUserId(user))
    return {
      refusal: `"user" must be 1 to ${limits.userIdLength} characters of A-Z a-z 0-9 . _ : @ | -, and not "system"`,
    };
  if (ttl === undefined) return { user };
  const ttlSeconds = /^[0-9]{1,9}$/.test(ttl) ? Number(ttl) : 0;
  if (ttlSeconds < 1 || ttlSeconds > longestTtlSeconds)
    return { refusal: `"ttl" must be a whole number of seconds, 1 to ${longestTtlSeconds}.` };
  return { user, ttlSeconds };
}
