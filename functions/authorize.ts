import { bearerSubprotocolPrefix } from '#shared/protocol/limits.ts';
import { clock } from '#shared/runtime/clock.ts';
import { optionalSetting, setting } from '#shared/runtime/settings.ts';
import { type AuthorizerContext, headerOf, offeredSubprotocols } from '#shared/runtime/socket-event.ts';
import { makeTokenVerifier, remoteKeys } from '#shared/runtime/token-verifier.ts';

interface AuthorizerEvent {
  readonly methodArn: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

const verify = makeTokenVerifier({
  issuer: setting('TOKEN_ISSUER'),
  audience: setting('TOKEN_AUDIENCE'),
  keys: remoteKeys(setting('TOKEN_JWKS_URI')),
  requiredScope: optionalSetting('TOKEN_SCOPE'),
  clock,
});

/** API Gateway turns exactly this message into a 401, a policy that denies into a 403, and another error into a 500. */
const unauthorized = () => new Error('Unauthorized');

export async function handler(event: AuthorizerEvent) {
  const token = tokenOf(event);
  if (token === undefined) throw unauthorized();
  const verification = await verify(token);
  if (verification.verdict === 'unauthorized') throw unauthorized();
  if (verification.verdict === 'forbidden') return policy(event, 'Deny', 'forbidden');
  const { userId, expiresAt } = verification;
  return policy(event, 'Allow', userId, { userId, tokenExpiresAt: String(expiresAt) });
}

/** The token of the header and of the subprotocol; none where they differ, because one of them is not the client's. */
function tokenOf({ headers }: AuthorizerEvent): string | undefined {
  const authorization = headerOf(headers, 'authorization');
  const tokens = offeredSubprotocols(headers)
    .filter((name) => name.startsWith(bearerSubprotocolPrefix))
    .map((name) => name.slice(bearerSubprotocolPrefix.length));
  if (authorization !== undefined) tokens.push(/^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '');
  const [token] = tokens;
  return tokens.every((other) => other === token) ? token || undefined : undefined;
}

function policy(
  { methodArn }: AuthorizerEvent,
  effect: 'Allow' | 'Deny',
  principalId: string,
  context?: AuthorizerContext,
) {
  const statement = { Action: 'execute-api:Invoke', Effect: effect, Resource: methodArn };
  return {
    principalId,
    policyDocument: { Version: '2012-10-17', Statement: [statement] },
    ...(context && { context }),
  };
}
