import type { IncomingMessage, ServerResponse } from 'node:http';
import { SignJWT } from 'jose';
import { algorithm, openSigningKey } from '#localstack/emulators/issuer/signing-key.ts';
import { parseTokenRequest } from '#localstack/emulators/issuer/token-request.ts';
import { answerJson, answerText } from '#localstack/http/http-answers.ts';
import { targetOf } from '#localstack/http/request-target.ts';

export interface Issuer {
  /** What tokens carry as `iss`. */
  readonly issuer: string;
  /** A token for `userId`, good for `ttlSeconds` (an hour by default; 0 or less makes one that has expired). */
  token(
    userId: string,
    ttlSeconds?: number,
    extraClaims?: Readonly<Record<string, unknown>>,
  ): Promise<string>;
  /** Answers `/token` and the well-known documents, and returns true; false for every other path. */
  handleRequest(request: IncomingMessage, response: ServerResponse): boolean;
}

export interface IssuerOptions {
  /** The URL where `handleRequest` is served. */
  readonly issuer: string;
  readonly audience: string;
  /** Where the key is kept (0600); a new one each time without it. */
  readonly keyFile?: string;
}

export const defaultTtlSeconds = 3_600;

export const issuerPaths = {
  configuration: '/.well-known/openid-configuration',
  keys: '/.well-known/jwks.json',
  token: '/token',
} as const;

/** An OIDC issuer for a developer's machine: whoever asks for a token gets it. */
export async function createIssuer(options: IssuerOptions): Promise<Issuer> {
  const key = await openSigningKey(options.issuer, options.keyFile);
  const token: Issuer['token'] = (userId, ttlSeconds = defaultTtlSeconds, extraClaims = {}) => {
    const issuedAt = Math.floor(Date.now() / 1000);
    return new SignJWT({
      iss: key.issuer,
      sub: userId,
      aud: options.audience,
      iat: issuedAt,
      exp: issuedAt + ttlSeconds,
      ...extraClaims,
    })
      .setProtectedHeader({ alg: algorithm, kid: key.keyId, typ: 'JWT' })
      .sign(key.privateKey);
  };
  const documents: Readonly<Record<string, object>> = {
    [issuerPaths.configuration]: {
      issuer: key.issuer,
      jwks_uri: `${options.issuer}${issuerPaths.keys}`,
      response_types_supported: ['token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [algorithm],
    },
    [issuerPaths.keys]: { keys: [key.publicJwk] },
  };
  return {
    issuer: key.issuer,
    token,
    handleRequest(request, response) {
      const { path, query } = targetOf(request);
      const document = Object.hasOwn(documents, path) ? documents[path] : undefined;
      if (document === undefined && path !== issuerPaths.token) return false;
      if (request.method !== 'GET' && request.method !== 'HEAD') refuseMethod(response);
      else if (document !== undefined) answerJson(response, 200, document);
      else void answerToken(query, response, token);
      return true;
    },
  };
}

async function answerToken(
  query: URLSearchParams,
  response: ServerResponse,
  token: Issuer['token'],
): Promise<void> {
  const wanted = parseTokenRequest(query);
  if ('refusal' in wanted) {
    answerText(response, 400, `${wanted.refusal}\nExample: ${issuerPaths.token}?user=alice&ttl=3600\n`);
    return;
  }
  const jwt = await token(wanted.user, wanted.ttlSeconds);
  answerText(response, 200, jwt);
}

function refuseMethod(response: ServerResponse): void {
  response.setHeader('allow', 'GET, HEAD');
  answerText(response, 405, 'This address is for GET.\n');
}
