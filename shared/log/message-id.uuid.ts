import { v7 } from 'uuid';
import type { RandomBytes } from '#shared/runtime/clock.ts';
import type { MakeMessageId } from './message-id.ts';

/** Makes ids of 74 random bits beside the time. */
export function makeMessageIds(randomBytes: RandomBytes): MakeMessageId {
  return (now) => v7({ msecs: now, random: randomBytes(16) });
}
