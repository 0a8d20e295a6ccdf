import { makeDevice } from './client/device.ts';
import { type Operation, planWorkload } from './client/operations.ts';
import { finish, makePerform, tellStandings } from './client/perform.ts';
import { type ClientRecord, type Finding, makeClientRecord } from './client/record.ts';
import { makeDice } from './dice.ts';
import { judge, judgeWitnesses } from './judge.ts';
import { type Restore, restoreTables } from './restore.ts';
import { makeWorld } from './world.ts';

export interface SimulationOptions {
  /** Indices of the operations that are carried out; all of them by default. */
  readonly operations?: ReadonlySet<number>;
  /** Kinds of faults that the run leaves out. */
  readonly without?: readonly string[];
  readonly keepTrace?: boolean;
  /** Tables are restored from a backup in the middle of the run. */
  readonly restore?: Restore;
}

export interface SimulationResult {
  readonly seed: number;
  readonly findings: readonly Finding[];
  /** Of what happened when, in which order: the same for the same seed and options. */
  readonly hash: string;
  readonly trace: readonly string[];
  readonly operations: readonly Operation[];
  readonly record: ClientRecord;
  readonly counts: ReadonlyMap<string, number>;
  /** How much virtual time passed, in milliseconds. */
  readonly virtualMs: number;
}

type Device = ReturnType<typeof makeDevice>;

/** Everything that is promised within this of a confirmation when nothing is wrong: the pushes have 1.5 s. */
const liveMs = 3_000;

/** One run of the real code from its seed: the same seed and options do the same, to the last byte of the trace. */
export async function simulate(seed: number, options: SimulationOptions = {}): Promise<SimulationResult> {
  const { stackTraceLimit } = Error;
  // Injected faults are thousands of errors, whose stacks take longer than they do.
  if (!options.keepTrace) Error.stackTraceLimit = 0;
  try {
    return await simulateOnce(seed, options);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

async function simulateOnce(seed: number, options: SimulationOptions): Promise<SimulationResult> {
  const dice = makeDice(seed);
  const plan = planWorkload(dice.fork());
  const world = makeWorld(dice.fork(), {
    without: options.without ?? [],
    keepTrace: options.keepTrace ?? false,
  });
  const { scheduler, trace } = world;
  const record = makeClientRecord();
  const begun = scheduler.now();
  const shortLives = dice.chance(0.15);
  let drains = 0;

  const deviceDice = dice.fork();
  const devices = plan.devices.map(({ user, namesPositions }, index) =>
    makeDevice({
      user,
      device: `${user}/${index}`,
      namesPositions,
      scheduler,
      dice: deviceDice,
      record,
      trace,
      nextDrain: () => {
        drains += 1;
        return drains;
      },
      open: (listener) =>
        world.gateway.open(user, shortLives ? deviceDice.between(3_000, 30_000) : 7_200_000, listener),
    }),
  );
  /** Begins once so many operations have. */
  const restoreAfter = options.restore ? dice.between(1, plan.operations.length) : Number.POSITIVE_INFINITY;
  let begunOperations = 0;
  let restoring: Promise<void> | undefined;
  const restore = (how: Restore) => {
    restoring ??= restoreTables(world, dice.fork(), plan.users, how, record);
    return restoring;
  };
  const isCalm = world.faults.isCalm() && !shortLives;
  if (isCalm && !options.restore) watchLiveness(record, devices, world);

  async function runDevice(device: Device, index: number): Promise<void> {
    const perform = makePerform(device, record, plan.users, scheduler.sleep);
    const background: Promise<void>[] = [];
    for (const [number, operation] of plan.operations.entries()) {
      if (operation.device !== index || !(options.operations?.has(number) ?? true)) continue;
      await scheduler.sleep(operation.gap);
      begunOperations += 1;
      if (begunOperations >= restoreAfter && options.restore) await restore(options.restore);
      if (trace.isKept) trace.note(device.device, 'does', JSON.stringify(operation));
      const done = perform(operation);
      if (operation.inBackground) background.push(done);
      else await done;
    }
    await Promise.all(background);
  }

  async function whole(): Promise<void> {
    await Promise.all(devices.map(runDevice));
    if (options.restore) await restore(options.restore);
    world.faults.stop();
    trace.note('from here on everything works');
    // What was late has come by then: a request of a dead environment, a row of a transaction, a reference.
    await scheduler.sleep(15_000);
    while (!world.queue.isEmpty()) await scheduler.sleep(1_000);
    // A reference may have been looked at before the message that it names was undone, or repaired.
    if (!options.restore) world.findings.push(...judgeWitnesses(world, isCalm));
    for (const device of devices) await finish(device, record);
    for (const device of devices) await tellStandings(device, record);
  }

  // Virtual time never returns to the event loop by itself, which alone lets go of some things.
  await new Promise((resolve) => setImmediate(resolve));
  const findings: Finding[] = [];
  try {
    await scheduler.run(whole());
    findings.push(...judge(record, world, options.restore));
  } catch (error) {
    findings.push({
      rule: 'stuck',
      detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
  return {
    seed,
    findings,
    hash: scheduler.fingerprint(),
    trace: trace.lines,
    operations: plan.operations,
    record,
    counts: world.counts,
    virtualMs: scheduler.now() - begun,
  };
}

/** Where nothing goes wrong, whoever is online holds a message moments after it was confirmed. */
function watchLiveness(
  record: ClientRecord,
  devices: readonly Device[],
  { scheduler, findings }: ReturnType<typeof makeWorld>,
): void {
  const { events } = record;
  const push = events.push.bind(events);
  events.push = (...added) => {
    for (const event of added) {
      if (event.kind !== 'sent') continue;
      const { conversationId, seq, senderId, recipientId } = event.message;
      const online = devices
        .filter(({ user }) => user === senderId || user === recipientId)
        .map((device) => ({ device, on: device.settledOn() }));
      scheduler.after(liveMs, () => {
        for (const { device, on } of online)
          if (on && device.settledOn() === on && !device.holds(conversationId, seq))
            findings.push({
              rule: 'late',
              detail: `${device.device} was online and was not told of ${conversationId} ${seq}`,
            });
      });
    }
    return push(...added);
  };
}
