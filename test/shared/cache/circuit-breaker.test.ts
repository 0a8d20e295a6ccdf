import { describe, expect, it } from 'vitest';
import { makeCircuitBreaker } from '#shared/cache/circuit-breaker.ts';
import { makeManualClock } from './support/doubles.ts';

function prepare({ random = 1 - Number.EPSILON }: { random?: number } = {}) {
  const clock = makeManualClock();
  const options = { clock, random: () => random, failuresToOpen: 3, openMs: 1_000, longestOpenMs: 4_000 };
  return { clock, breaker: makeCircuitBreaker(options) };
}

describe('the circuit breaker', () => {
  it('opens after three failures in a row', () => {
    const { breaker } = prepare();
    breaker.failed();
    breaker.failed();

    expect(breaker.admits()).toBe(true);
    breaker.failed();
    expect(breaker.state()).toBe('open');
    expect(breaker.admits()).toBe(false);
  });

  it('starts counting again at a success', () => {
    const { breaker } = prepare();
    breaker.failed();
    breaker.failed();
    breaker.succeeded();
    breaker.failed();
    breaker.failed();

    expect(breaker.state()).toBe('closed');
  });

  it('lets one probe out when the time is up, and closes at its success', () => {
    const { breaker, clock } = prepare();
    breaker.trip();
    clock.advance(1_000);

    expect(breaker.state()).toBe('half-open');
    expect([breaker.admits(), breaker.admits(), breaker.admits()]).toEqual([true, false, false]);
    breaker.succeeded();
    expect(breaker.state()).toBe('closed');
    expect([breaker.admits(), breaker.admits()]).toEqual([true, true]);
  });

  it('stays open for twice as long after each probe that fails, up to a limit', () => {
    const { breaker, clock } = prepare();
    breaker.trip();
    for (const openMs of [1_000, 2_000, 4_000, 4_000]) {
      clock.advance(openMs - 1);
      expect(breaker.state()).toBe('open');
      clock.advance(1);
      expect(breaker.admits()).toBe(true);
      breaker.failed();
    }
    clock.advance(4_000);
    breaker.succeeded();
    breaker.trip();
    clock.advance(1_000);

    expect(breaker.state()).toBe('half-open');
  });

  it('spreads the probes of many environments over half of the time', () => {
    const { breaker, clock } = prepare({ random: 0 });
    breaker.trip();
    clock.advance(499);

    expect(breaker.state()).toBe('open');
    clock.advance(1);
    expect(breaker.state()).toBe('half-open');
  });
});
