import { bearerSubprotocolPrefix } from '#shared/protocol/limits.ts';
import {
  type AuthorizerContext,
  type HeaderFields,
  headerValues,
  offeredSubprotocols,
} from '#shared/runtime/socket-event.ts';
import type { FunctionTelemetry } from '#shared/runtime/telemetry.ts';
import type { TellRefusal } from './refusal-log.ts';
import type { Verification, VerifyToken } from './verification.ts';

export interface AuthorizerEvent extends HeaderFields {
  readonly methodArn: string;
  readonly requestContext: { readonly connectionId: string; readonly requestId?: string };
}

interface Options {
  readonly verify: VerifyToken;
  readonly tellRefusal: TellRefusal;
  readonly telemetry: FunctionTelemetry;
  /** Which life of the data this is. */
  readonly epoch: string;
}

/**
 * API Gateway turns exactly the message "Unauthorized" into a 401, a policy that denies into a 403, and another error into
 * a 500. Lambda counts the first as a failed call like the last, so what is really wrong here has a counter of its own.
 */
export function makeAuthorizeHandler({ verify, tellRefusal, telemetry, epoch }: Options) {
  return async (event: AuthorizerEvent, context?: unknown) => {
    const { connectionId, requestId } = event.requestContext;
    telemetry.begin(context, {
      ...(requestId !== undefined && { requestId }),
      connectionId,
      action: '$connect',
    });
    try {
      const verification = await verifyTokenOf(event, verify);
      if (verification.verdict === 'allowed') {
        const { userId, expiresAt } = verification;
        return policy(event, 'Allow', userId, { userId, tokenExpiresAt: String(expiresAt), epoch });
      }
      tellRefusal(verification.reason);
      if (verification.verdict === 'forbidden') return policy(event, 'Deny', 'forbidden');
    } catch (error) {
      telemetry.error('authorization failed', error);
      telemetry.count('AuthorizeFailed');
      throw error;
    } finally {
      telemetry.flush();
    }
    throw new Error('Unauthorized');
  };
}

/** Of the header and the subprotocol; nobody where they differ, because one of them is not the client's. */
async function verifyTokenOf(event: AuthorizerEvent, verify: VerifyToken): Promise<Verification> {
  const tokens = offeredSubprotocols(event)
    .filter((name) => name.startsWith(bearerSubprotocolPrefix))
    .map((name) => name.slice(bearerSubprotocolPrefix.length));
  for (const authorization of headerValues(event, 'authorization'))
    if (isBearer(authorization)) tokens.push(/^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '');
  const [token] = tokens;
  if (tokens.some((other) => other !== token)) return { verdict: 'unauthorized', reason: 'several tokens' };
  return token ? verify(token) : { verdict: 'unauthorized', reason: 'no token' };
}

/** Another scheme, and an empty header, are a browser's or a proxy's: they are not meant for us. */
function isBearer(authorization: string): boolean {
  const [scheme] = authorization.trimStart().split(/\s/, 1);
  return scheme?.toLowerCase() === 'bearer';
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
