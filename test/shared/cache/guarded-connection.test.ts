import { describe, expect, it, vi } from 'vitest';
import { makeGuardedConnection } from '#shared/cache/guarded-connection.ts';
import type { ValkeyConnection } from '#shared/cache/valkey-connection.ts';
import { makeManualClock, recordTelemetry } from './support/doubles.ts';
import { type FakeConnection, makeFakeConnection } from './support/fake-connection.ts';

function prepare({ connect = async () => makeFakeConnection() as ValkeyConnection } = {}) {
  const clock = makeManualClock();
  const telemetry = recordTelemetry();
  const made: ValkeyConnection[] = [];
  const counted = vi.fn(async () => {
    const connection = await connect();
    made.push(connection);
    return connection;
  });
  const guarded = makeGuardedConnection({ connect: counted, clock, random: () => 0.5, telemetry });
  return { clock, telemetry, connect: counted, made, guarded };
}

const never = () => new Promise<never>(() => undefined);
const refuse = async () => {
  throw new Error('OOM command not allowed');
};

async function timeOut({ clock, guarded }: ReturnType<typeof prepare>): Promise<void> {
  const hanging = guarded.run(never);
  clock.advance(50);
  expect(await hanging).toBeUndefined();
}

/** As many operations as it takes for one to get through, without any time passing. */
async function runUntilServed({ guarded }: ReturnType<typeof prepare>): Promise<void> {
  await guarded.run(async () => 'served');
  await guarded.connected();
  expect(await guarded.run(async () => 'served')).toBe('served');
}

describe('the guarded connection', () => {
  it('connects before anything asks for it, and once', async () => {
    const { guarded, connect } = prepare();

    expect(await guarded.run(async () => 'too early')).toBeUndefined();
    expect(await guarded.connected()).toBe(true);
    expect(await guarded.run(async () => 'served')).toBe('served');
    expect(connect).toHaveBeenCalledTimes(1);
  });

  it('makes nobody wait for a connection', async () => {
    const { guarded, connect } = prepare({ connect: never });
    const work = vi.fn(async () => 'served');

    expect(await Promise.all([guarded.run(work), guarded.run(work)])).toEqual([undefined, undefined]);
    expect(work).not.toHaveBeenCalled();
    expect(connect).toHaveBeenCalledTimes(1);
  });

  it('ends an operation at 50 ms, however many round trips it makes', async () => {
    const context = prepare();
    await context.guarded.connected();
    let settled = false;
    const hanging = context.guarded.run(never).then(() => {
      settled = true;
    });

    context.clock.advance(49);
    await new Promise(setImmediate);
    expect(settled).toBe(false);
    context.clock.advance(1);
    await hanging;
    expect(settled).toBe(true);
  });

  it('leaves a server alone that does not answer three times in a row', async () => {
    const context = prepare();
    const { guarded, made, connect, clock } = context;
    await guarded.connected();
    for (let times = 0; times < 3; times += 1) await timeOut(context);
    const work = vi.fn(async () => 'served');
    for (let times = 0; times < 100; times += 1) expect(await guarded.run(work)).toBeUndefined();

    expect(guarded.circuit()).toBe('open');
    expect(work).not.toHaveBeenCalled();
    expect(made[0]?.close).toHaveBeenCalledTimes(1);
    expect(connect).toHaveBeenCalledTimes(1);

    clock.advance(1_000);
    await runUntilServed(context);
    expect(guarded.circuit()).toBe('closed');
    expect(connect).toHaveBeenCalledTimes(2);
  });

  it('counts a burst that one silence took as three failures at most', async () => {
    const context = prepare();
    const { guarded, clock, telemetry } = context;
    await guarded.connected();
    const burst = Array.from({ length: 50 }, () => guarded.run(never));
    clock.advance(50);
    await Promise.all(burst);

    expect(guarded.circuit()).toBe('open');
    expect(telemetry.counts.get('CacheCircuitOpened')).toBe(1);
    clock.advance(1_000);
    expect(guarded.circuit()).toBe('half-open');
  });

  it('lets one operation find out whether the server is back', async () => {
    const context = prepare();
    const { guarded, clock } = context;
    await guarded.connected();
    for (let times = 0; times < 3; times += 1) await guarded.run(refuse);
    clock.advance(1_000);
    await guarded.run(never);
    await guarded.connected();
    const work = vi.fn(never);
    const probes = [guarded.run(work), guarded.run(work), guarded.run(work)];
    clock.advance(50);
    await Promise.all(probes);

    expect(work).toHaveBeenCalledTimes(1);
    expect(guarded.circuit()).toBe('open');
  });

  it('waits longer after each connection that could not be made', async () => {
    const { guarded, connect, clock } = prepare({ connect: refuse });
    await guarded.connected();
    const attemptsAfter: number[] = [];
    for (let seconds = 0; seconds < 60; seconds += 1) {
      clock.advance(1_000);
      await guarded.run(never);
      await guarded.connected();
      attemptsAfter.push(connect.mock.calls.length);
    }

    expect(attemptsAfter.at(1)).toBeLessThanOrEqual(3);
    expect(attemptsAfter.at(-1)).toBeLessThanOrEqual(8);
    expect(attemptsAfter.at(-1)).toBeGreaterThanOrEqual(5);
  });

  it('gives an attempt to connect up after 2 s, and closes what it still brings', async () => {
    const late = makeFakeConnection();
    const slow = Promise.withResolvers<ValkeyConnection>();
    const { guarded, clock } = prepare({ connect: () => slow.promise });
    await new Promise(setImmediate);
    clock.advance(2_000);

    expect(await guarded.connected()).toBe(false);
    expect(guarded.circuit()).toBe('open');
    slow.resolve(late);
    await new Promise(setImmediate);
    expect(late.close).toHaveBeenCalledTimes(1);
  });

  it('replaces a connection that the server ended, and holds it against the server once', async () => {
    const context = prepare();
    const { guarded, made, connect } = context;
    await guarded.connected();
    const inFlight = Array.from({ length: 10 }, () =>
      guarded.run(async () => {
        (made[0] as FakeConnection).end();
        throw new Error('Connection is closed.');
      }),
    );
    await Promise.all(inFlight);

    expect(guarded.circuit()).toBe('closed');
    await runUntilServed(context);
    expect(connect).toHaveBeenCalledTimes(2);
  });

  it('notices an end that came between two operations', async () => {
    const context = prepare();
    await context.guarded.connected();
    (context.made[0] as FakeConnection).end();

    expect(await context.guarded.connected()).toBe(false);
    await runUntilServed(context);
    expect(context.made).toHaveLength(2);
  });

  it('gives a connection up at its first time-out after a long silence, as after a freeze', async () => {
    const context = prepare();
    const { guarded, clock, made } = context;
    await guarded.connected();
    clock.advance(10 * 60_000);
    await timeOut(context);

    expect(guarded.circuit()).toBe('closed');
    expect(made[0]?.isOpen()).toBe(false);
    await runUntilServed(context);
  });

  it('keeps a connection over one time-out while it is in use', async () => {
    const context = prepare();
    await context.guarded.connected();
    await context.guarded.run(async () => 'served');
    await timeOut(context);

    expect(await context.guarded.run(async () => 'served')).toBe('served');
    expect(context.made).toHaveLength(1);
  });

  it('never logs what was sent', async () => {
    const { guarded, telemetry } = prepare();
    await guarded.connected();
    const failure = Object.assign(new Error('WRONGPASS invalid username-password pair'), {
      command: { name: 'auth', args: ['postrider', 'the token'] },
    });
    for (let times = 0; times < 3; times += 1) await guarded.run(() => Promise.reject(failure));

    expect(telemetry.lines().join()).toContain('WRONGPASS');
    expect(telemetry.lines().join()).not.toContain('the token');
  });

  it('survives work that fails after its time was up', async () => {
    const { guarded, clock } = prepare();
    await guarded.connected();
    const work = Promise.withResolvers<never>();
    const hanging = guarded.run(() => work.promise);
    clock.advance(50);
    await hanging;
    work.reject(new Error('Connection is closed.'));
    await new Promise(setImmediate);

    expect(guarded.circuit()).toBe('closed');
  });

  it('does nothing more once it is closed', async () => {
    const { guarded, made, connect } = prepare();
    await guarded.connected();
    guarded.close();

    expect(await guarded.run(async () => 'served')).toBeUndefined();
    expect(made[0]?.isOpen()).toBe(false);
    expect(connect).toHaveBeenCalledTimes(1);
  });

  it('closes a connection that arrives after it was closed itself', async () => {
    const { guarded, made } = prepare();
    guarded.close();
    await guarded.connected();
    await new Promise(setImmediate);

    expect(made[0]?.isOpen()).toBe(false);
  });
});
