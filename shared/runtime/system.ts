import { randomBytes as nodeRandomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Clock, Random, RandomBytes } from './clock.ts';

export const clock: Clock = {
  now: Date.now,
  async sleep(milliseconds, signal) {
    await setTimeout(milliseconds, undefined, signal && { signal }).catch((error: unknown) => {
      if (!signal?.aborted) throw error;
    });
  },
};

export const random: Random = Math.random;

export const randomBytes: RandomBytes = nodeRandomBytes;
