import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

type Claims = Readonly<Record<string, unknown>>;

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

function decode(part: string | undefined): Claims {
  return JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Claims;
}

function parts(token: string) {
  const [header, payload, signature = ''] = token.split('.');
  return { header: decode(header), payload: decode(payload), signature };
}

/** When a token expires, in milliseconds since 1970. */
export function expiryOf(token: string): number {
  return 1000 * Number(parts(token).payload.exp);
}

/** Waits until a token has surely expired, on a server's clock as well. */
export async function untilExpired(token: string): Promise<void> {
  await sleep(Math.max(0, expiryOf(token) - Date.now()) + 1100);
}

/** The token with other claims, under the signature that it had. */
export function withClaims(token: string, changes: Claims): string {
  const { header, payload, signature } = parts(token);
  return `${encode(header)}.${encode({ ...payload, ...changes })}.${signature}`;
}

/** The token with some bits of its signature changed. */
export function withBrokenSignature(token: string): string {
  const { header, payload, signature } = parts(token);
  const bytes = Buffer.from(signature, 'base64url');
  bytes[0] = (bytes[0] ?? 0) ^ 0xff;
  return `${encode(header)}.${encode(payload)}.${bytes.toString('base64url')}`;
}

/** The token without a signature, as `"alg": "none"` allows it. */
export function unsigned(token: string): string {
  const { header, payload } = parts(token);
  return `${encode({ ...header, alg: 'none' })}.${encode(payload)}.`;
}

/** The token signed as HS256 by a secret of our own. */
export function signedBySecret(token: string): string {
  const { header, payload } = parts(token);
  const text = `${encode({ ...header, alg: 'HS256' })}.${encode(payload)}`;
  return `${text}.${createHmac('sha256', 'secret').update(text).digest('base64url')}`;
}

/** The token with other claims, rightly signed by a key that is not the issuer's, under the issuer's key id. */
export function signedByStranger(token: string, changes: Claims = {}): string {
  const { header, payload } = parts(token);
  const isEc = header.alg === 'ES256';
  const { privateKey } = isEc
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const alg = isEc ? 'ES256' : 'RS256';
  const text = `${encode({ ...header, alg })}.${encode({ ...payload, ...changes })}`;
  const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}
