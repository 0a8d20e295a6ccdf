/** The users and their devices, in a process of their own that no fault reaches. Writes down all that they do and see. */
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Device, makeDevice } from '#test/contract/history/device.ts';
import { makeRandom } from '#test/contract/history/random.ts';
import type { Event } from '#test/contract/history/record.ts';
import { type Habits, makeSteps } from '#test/contract/history/workload.ts';
import { attempt, type Client } from '#test/contract/support/client.ts';
import { NoAnswer } from '#test/contract/support/inbox.ts';
import { report, serveParent, settingsOf } from './child.ts';
import type { Finding, RecordedEvent } from './judge.ts';

export interface WorkloadSettings {
  readonly seed: number;
  readonly users: number;
  readonly url: string;
  readonly httpUrl: string;
  readonly historyFile: string;
}

/** `pause` ends the sending, `finish` lets every device come back and read all that there is. */
export type WorkloadOrder = { readonly type: 'pause' } | { readonly type: 'finish' };

export interface Progress {
  readonly operations: number;
  /** Operations that were done again because nothing was decided. */
  readonly repeated: number;
  readonly confirmed: number;
  readonly devices: number;
}

export type WorkloadReport =
  | ({ readonly type: 'progress' } & Progress)
  | { readonly type: 'paused' }
  | { readonly type: 'finding'; readonly finding: Finding }
  | { readonly type: 'finished' };

const habits: Habits = {
  comeBack: 12,
  acknowledge: 12,
  fillGaps: 8,
  block: 1,
  repeatSend: 15,
  cutSend: 15,
  largeContent: 3,
};
/** Between two steps of a device. */
const longestThoughtMs = 400;
/** How long a device tries to do one thing once nothing fails any more. */
const patienceMs = 120_000;
const tokenSeconds = 24 * 3_600;

const settings = settingsOf<WorkloadSettings>();
const history = openSync(settings.historyFile, 'a');
const counts = { operations: 0, repeated: 0, confirmed: 0 };
const pausing = new AbortController();
let giveUpAt = Number.POSITIVE_INFINITY;
let drains = 0;

const tell = (message: WorkloadReport) => report(message);

function record(event: Event): void {
  if (event.kind === 'sent' && !event.duplicate) counts.confirmed += 1;
  const recorded: RecordedEvent = { at: Date.now(), ...event };
  writeSync(history, `${JSON.stringify(recorded)}\n`);
}

function find(rule: Finding['rule'], detail: string): void {
  tell({ type: 'finding', finding: { rule, detail } });
}

async function fetchToken(user: string): Promise<string> {
  const response = await fetch(`${settings.httpUrl}/token?user=${user}&ttl=${tokenSeconds}`);
  if (!response.ok) throw new Error(`no token: ${response.status}`);
  return response.text();
}

async function open(user: string): Promise<Client> {
  // While the stack is down nobody is there to be asked, or the connection breaks.
  const handshake = await fetchToken(user)
    .then((token) => attempt(settings.url, { protocols: ['postrider.v1', `bearer.${token}`] }))
    .catch((error: unknown) => {
      throw new NoAnswer(`no connection: ${String(error)}`);
    });
  if (!handshake.opened) {
    const { status } = handshake;
    if (status < 500 && status !== 429)
      throw new Error(`the handshake of ${user} was refused with ${status}`);
    throw new NoAnswer(`the handshake was refused with ${status}`);
  }
  const { client } = handshake;
  void client.closing().then(
    () => {
      for (const violation of client.violations)
        if (!violation.includes('"Internal server error"')) find('protocol', `${user} got ${violation}`);
    },
    () => undefined,
  );
  return client;
}

/** Does it until something was decided. What else goes wrong is found, and left. */
async function persist(device: Device, name: string, operation: () => Promise<void>): Promise<void> {
  counts.operations += 1;
  for (let tries = 1; ; tries += 1) {
    try {
      return await operation();
    } catch (error) {
      try {
        device.drop();
      } catch (wrongFrame) {
        find('protocol', `${name}: ${String(wrongFrame)}`);
      }
      if (!(error instanceof NoAnswer)) return find('protocol', `${name}: ${String(error)}`);
      if (Date.now() > giveUpAt)
        return find('unreachable', `${name}, after ${tries} tries: ${error.message}`);
      counts.repeated += 1;
      await sleep(Math.random() * Math.min(1_500, 50 * 2 ** tries));
    }
  }
}

function makeDevices(): { device: Device; name: string; peers: string[] }[] {
  const users = Array.from({ length: settings.users }, (_, index) => `user${index}-${settings.seed}`);
  return users.flatMap((user, index) => {
    const count = 1 + (index % 3);
    return Array.from({ length: count }, (_, number) => {
      const name = `${user}/${number}`;
      const device = makeDevice({
        user,
        device: name,
        // A user's only device may go by what it has acknowledged.
        namesPositions: count > 1,
        open,
        record,
        nextDrain() {
          drains += 1;
          return drains;
        },
      });
      return { device, name, peers: users.filter((peer) => peer !== user) };
    });
  });
}

const devices = makeDevices();
const progress = () => tell({ type: 'progress', ...counts, devices: devices.length });
setInterval(progress, 250).unref();

async function live({ device, name, peers }: (typeof devices)[number], index: number): Promise<void> {
  const random = makeRandom(settings.seed * 1_000 + index);
  const nextStep = makeSteps({ device, peers, random, name: `d${index}`, habits });
  while (!pausing.signal.aborted) {
    await persist(device, name, nextStep());
    // Now and then a device is away for longer, or lies unused with its connection open.
    const away = random.chance(3);
    if (away && random.chance(50)) device.drop();
    const ms = random.below(away ? 6_000 : longestThoughtMs);
    await sleep(ms, undefined, { signal: pausing.signal }).catch(() => undefined);
  }
}

const lives = Promise.all(devices.map(live));

serveParent<WorkloadOrder>(({ type }) => {
  giveUpAt = Date.now() + patienceMs;
  if (type === 'pause') {
    pausing.abort();
    void lives.then(() => tell({ type: 'paused' }));
  } else {
    void Promise.all(devices.map(({ device, name }) => persist(device, name, () => device.finish()))).then(
      () => {
        for (const { device } of devices) device.drop();
        progress();
        tell({ type: 'finished' });
      },
    );
  }
});
