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
const CUT_SEND = 15;
const REPEATED_SEND = 10;
const COME_BACK = 10;
const ACKNOWLEDGE = 15;
const FILL_GAPS = 10;

/** Now and then a content that makes pages short. */
function contentOf(random: Random, name: string): string {
  return random.chance(10) ? `${name} ${'x'.repeat(random.below(16_000))}` : name;
}

async function runSteps(
  device: Device,
  peers: readonly string[],
  random: Random,
  steps: number,
  name: string,
) {
  let last: [to: string, content: string, clientMessageId: string] | undefined;
  for (let step = 0; step < steps; step += 1) {
    if (random.chance(COME_BACK)) {
      await device.comeBack({ cut: random.chance(50) });
    } else if (random.chance(ACKNOWLEDGE)) {
      await device.acknowledge(random.chance(50));
    } else if (random.chance(FILL_GAPS)) {
      await device.fillGaps();
    } else if (last && random.chance(REPEATED_SEND)) {
      await device.send(...last, false);
    } else {
      const clientMessageId = `${name}-${step}`;
      last = [random.pick(peers), contentOf(random, clientMessageId), clientMessageId];
      await device.send(...last, random.chance(CUT_SEND));
    }
  }
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
    devices.map((device, index) => {
      const peers = names.filter((name) => name !== device.user);
      return runSteps(device, peers, makeRandom(seed * 1000 + index), steps, `d${index}`);
    }),
  );
  await Promise.all(devices.map((device) => device.finish()));
  return events;
}
