import { composeDisconnect } from '#shared/composition.ts';
import { database, lambda } from '#shared/runtime/lambda.ts';

/** `$disconnect` */
export const handler = composeDisconnect({ ...lambda(), ...database() });
