import { composeAuthorize } from '#shared/composition.ts';
import { lambda } from '#shared/runtime/lambda.ts';

/** The authorizer of `$connect`: who is it? */
export const handler = composeAuthorize(lambda());
