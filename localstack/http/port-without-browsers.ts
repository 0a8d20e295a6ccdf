import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { loopback } from '#localstack/http/loopback-server.ts';

/** Where a server listens. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** On 127.0.0.1, and on other addresses of the loopback: some servers refuse a port that is taken on any of them. */
const [onUsualAddress, onOthers] = [
  [6665, 6666, 6667, 6668, 6669, 6697],
  [1719, 1720, 1723, 2049, 3659, 4045, 5060, 5061, 6566, 10_080],
];

/**
 * Ports above 1023 that no browser connects to, whatever page asks and by whatever name:
 * https://fetch.spec.whatwg.org/#port-blocking. Without 6000, where an X server may be, and without 4190 and 6679, which
 * Chromium does not keep to.
 */
export const portsWithoutBrowsers: readonly number[] = [...onUsualAddress, ...onOthers];

/**
 * Finds a free place on loopback for a server that would answer any web page. Another process may be quicker. Where all of
 * 127.0.0.0/8 is loopback (Linux, Windows) there is room for any number of them, elsewhere for as many as there are such ports.
 */
export async function findPlaceWithoutBrowsers(): Promise<Place> {
  const elsewhere = `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`;
  const rows: readonly [string, readonly number[]][] = [
    [loopback, onUsualAddress],
    [elsewhere, onOthers],
    [loopback, onOthers],
  ];
  for (const [host, ports] of rows)
    for (const port of startingAnywhere(ports)) if (await isFree({ host, port })) return { host, port };
  throw new Error(
    `All ports that browsers keep away from are taken on ${loopback}: ${portsWithoutBrowsers.join(', ')}. End another local stack.`,
  );
}

/** So that stacks that start at the same time seldom want the same one. */
function startingAnywhere(ports: readonly number[]): number[] {
  const first = randomInt(ports.length);
  return [...ports.slice(first), ...ports.slice(0, first)];
}

async function isFree({ host, port }: Place): Promise<boolean> {
  const probe = createServer().listen(port, host);
  try {
    await once(probe, 'listening');
  } catch {
    return false;
  }
  probe.close();
  await once(probe, 'close');
  return true;
}
