/** Whether a token can be offered as part of a WebSocket subprotocol (a `token` of RFC 9110). A JWT always can. */
export function isSubprotocol(token: unknown): token is string {
  return typeof token === 'string' && /^[!#$%&'*+\-.^_`|~\w]+$/.test(token);
}

/** When the token ends, milliseconds since the epoch; undefined where it does not say. It is read, not verified. */
export function tokenExpiry(token: string): number | undefined {
  return tokenTimes(token).expiresAt;
}

interface TokenTimes {
  /** Milliseconds since the epoch, by the issuer's clock. */
  readonly issuedAt?: number;
  readonly expiresAt?: number;
}

export function tokenTimes(token: string): TokenTimes {
  try {
    const { iat, exp }: { iat?: unknown; exp?: unknown } = JSON.parse(
      decodeBase64Url(token.split('.')[1] ?? ''),
    );
    return { ...milliseconds('issuedAt', iat), ...milliseconds('expiresAt', exp) };
  } catch {
    return {};
  }
}

function milliseconds<Name extends string>(name: Name, seconds: unknown): Partial<Record<Name, number>> {
  const isTime = typeof seconds === 'number' && Number.isFinite(seconds);
  return isTime ? ({ [name]: seconds * 1_000 } as Record<Name, number>) : {};
}

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** A character for each byte, which does for numbers. `atob` is missing from older React Native. */
function decodeBase64Url(text: string): string {
  let decoded = '';
  let bits = 0;
  let width = 0;
  for (const character of text) {
    // Padding, which a JWT has none of but some issuers write.
    if (character === '=') break;
    const value = digits.indexOf(character);
    if (value < 0) throw new SyntaxError('This is not base64url.');
    bits = ((bits << 6) | value) & 0xfff;
    width += 6;
    if (width >= 8) {
      width -= 8;
      decoded += String.fromCharCode((bits >> width) & 0xff);
    }
  }
  return decoded;
}
