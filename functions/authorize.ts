import { composeAuthorize } from '#shared/composition.ts';
import { lambda } from '#shared/runtime/lambda.ts';
import { remoteKeys } from '#shared/sign-in/token-verifier.jose.ts';

/** The authorizer of `$connect`: who is it? */
export const handler = composeAuthorize({ ...lambda(), keysAt: remoteKeys });
