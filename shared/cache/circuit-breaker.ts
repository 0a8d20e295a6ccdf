import type { Clock, Random } from '#shared/runtime/clock.ts';

export type CircuitState = 'closed' | 'open' | 'half-open';

export interface CircuitBreakerOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  /** Failures in a row that open it. */
  readonly failuresToOpen: number;
  /** How long the first opening lasts at most, in milliseconds. Each that follows without a success between lasts twice as long. */
  readonly openMs: number;
  readonly longestOpenMs: number;
}

export interface CircuitBreaker {
  state(): CircuitState;
  /** Whether a request may go out now. When half-open it lets one out, and the next only after that one's outcome. */
  admits(): boolean;
  succeeded(): void;
  failed(): void;
  /** Opens at once, for a failure that leaves no doubt. */
  trip(): void;
}

/**
 * Keeps callers away from a server that fails. No timers: a frozen environment would not run them, so the time
 * of reopening is compared when somebody asks.
 */
export function makeCircuitBreaker(options: CircuitBreakerOptions): CircuitBreaker {
  const { clock, random, failuresToOpen, openMs, longestOpenMs } = options;
  let failures = 0;
  let openings = 0;
  let opensUntil: number | undefined;
  let probeIsOut = false;

  function state(): CircuitState {
    if (opensUntil === undefined) return 'closed';
    return clock.now() < opensUntil ? 'open' : 'half-open';
  }

  function trip(): void {
    const longest = Math.min(longestOpenMs, openMs * 2 ** openings);
    // Half of it at least: with less, thousands of environments would be back before the server has drawn breath.
    opensUntil = clock.now() + longest * (0.5 + random() / 2);
    openings += 1;
    probeIsOut = false;
  }

  return {
    state,
    trip,

    admits() {
      const now = state();
      if (now !== 'half-open') return now === 'closed';
      if (probeIsOut) return false;
      probeIsOut = true;
      return true;
    },

    succeeded() {
      failures = 0;
      openings = 0;
      opensUntil = undefined;
      probeIsOut = false;
    },

    failed() {
      failures += 1;
      if (opensUntil !== undefined || failures >= failuresToOpen) trip();
    },
  };
}
