import type { GatewayLimits } from './limits.ts';

/** The two clocks of a connection: without data for `idleMs`, or `lifeMs` old. */
export interface Expiry {
  /** Data went one way or the other. A ping frame is none. */
  touch(): void;
  stop(): void;
}

/** Calls `onExpired` when either runs out. */
export function startExpiry(
  { idleMs, lifeMs }: Pick<GatewayLimits, 'idleMs' | 'lifeMs'>,
  onExpired: () => void,
): Expiry {
  const idle = setTimeout(onExpired, idleMs);
  const life = setTimeout(onExpired, lifeMs);
  return {
    touch: () => {
      idle.refresh();
    },
    stop: () => {
      clearTimeout(idle);
      clearTimeout(life);
    },
  };
}
