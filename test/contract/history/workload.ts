import type { Client } from '../support/client.ts';
import { newUser } from '../support/contract.ts';
import { type Device, makeDevice } from './device.ts';
import { makeRandom, type Random } from './random.ts';
import type { Event } from './record.ts';

export interface WorkloadOptions {
  /** Decides who does what; the interleaving on the wire is the machine's. */
  readonly seed: number;
  readonly users: number;
  /** Steps of each device. */
  readonly steps: number;
  open(user: string): Promise<Client>;
}

/** How often, in percent, a device does what at a step; the rest are plain sends. */
export interface Habits {
  readonly comeBack: number;
  readonly acknowledge: number;
  readonly fillGaps: number;
  /** Blocks a peer, or unblocks the one that it has blocked. */
  readonly block: number;
  readonly repeatSend: number;
  /** Of the sends: those whose first connection is dropped before the reply. */
  readonly cutSend: number;
  /** Of the sends: those whose content makes pages short. */
  readonly largeContent: number;
}

const HABITS: Habits = {
  comeBack: 10,
  acknowledge: 15,
  fillGaps: 10,
  block: 0,
  repeatSend: 10,
  cutSend: 15,
  largeContent: 10,
};

/** Sends that may be repeated: few enough that each is among the last 64 of its sender, whatever other devices send. */
const REPEATABLE = 8;
/** How much sooner than it blocks a device unblocks. */
const UNBLOCK = 8;

interface StepOptions {
  readonly device: Device;
  readonly peers: readonly string[];
  readonly random: Random;
  /** Of the device, unique in the run. */
  readonly name: string;
  readonly habits?: Habits;
}

type Send = readonly [to: string, content: string, clientMessageId: string];

/** Decides a device's steps, one after the other. What it returns does the step, and does it again if called again. */
export function makeSteps({ device, peers, random, name, habits = HABITS }: StepOptions) {
  const sends: Send[] = [];
  let count = 0;
  let blocked: string | undefined;

  function sendNext(): Send {
    const clientMessageId = `${name}-${count}`;
    const large = random.chance(habits.largeContent);
    const content = large ? `${clientMessageId} ${'x'.repeat(random.below(16_000))}` : clientMessageId;
    const send = [random.pick(peers), content, clientMessageId] as const;
    sends.push(send);
    if (sends.length > REPEATABLE) {
      sends.shift();
    }
    return send;
  }

  function toggleBlock(): () => Promise<void> {
    const [other, isBlocked] = blocked === undefined ? [random.pick(peers), true] : [blocked, false];
    blocked = isBlocked ? other : undefined;
    return () => device.block(other, isBlocked);
  }

  return (): (() => Promise<void>) => {
    count += 1;
    if (random.chance(habits.comeBack)) {
      const how = { cut: random.chance(50), overlap: random.chance(30) };
      return () => device.comeBack(how);
    }
    if (random.chance(habits.acknowledge)) {
      const read = random.chance(50);
      return () => device.acknowledge(read);
    }
    if (random.chance(habits.fillGaps)) {
      return () => device.fillGaps();
    }
    if (random.chance(blocked === undefined ? habits.block : habits.block * UNBLOCK)) {
      return toggleBlock();
    }
    const again = sends.length > 0 && random.chance(habits.repeatSend);
    const send = again ? random.pick(sends) : sendNext();
    let cut = !again && random.chance(habits.cutSend);
    return () => {
      const cutNow = cut;
      cut = false;
      return device.send(...send, cutNow);
    };
  };
}

/**
 * Lets devices of a few users send, lose their connections, retry, acknowledge and catch up, all at once, and gives
 * what they have done and seen. Every second user has two devices; the others go by what they have acknowledged.
 */
export async function runWorkload({ seed, users, steps, open }: WorkloadOptions): Promise<Event[]> {
  const events: Event[] = [];
  let drains = 0;
  const names = Array.from({ length: users }, (_, index) => newUser(`user${index}`));
  const devices = names.flatMap((user, index) => {
    const count = index % 2 === 0 ? 2 : 1;
    return Array.from({ length: count }, (_, number) =>
      makeDevice({
        user,
        device: `${user}/${number}`,
        namesPositions: count > 1,
        open,
        record: (event) => void events.push(event),
        nextDrain: () => {
          drains += 1;
          return drains;
        },
      }),
    );
  });
  await Promise.all(
    devices.map(async (device, index) => {
      const peers = names.filter((name) => name !== device.user);
      const random = makeRandom(seed * 1000 + index);
      const nextStep = makeSteps({ device, peers, random, name: `d${index}` });
      for (let step = 0; step < steps; step += 1) {
        await nextStep()();
      }
    }),
  );
  await Promise.all(devices.map((device) => device.finish()));
  return events;
}
