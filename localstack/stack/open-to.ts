import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { loopback } from '#localstack/http/loopback-server.ts';
import { isLoopbackName } from '#localstack/http/who-asks.ts';

/** To whom the one port is open, beside the programs and pages of this machine. */
export interface Openness {
  /** Beside 127.0.0.1. */
  readonly addresses: readonly string[];
  /** By which it may be asked, as in a URL and in lower case. */
  readonly names: readonly string[];
}

/** A `HOST` that is none. The message says what to write instead. */
export class HostError extends Error {
  override readonly name = 'HostError';
}

/**
 * What `HOST` asks for: an address of this machine is listened on, `0.0.0.0` and `::` are all of them. So are those of this
 * machine that a name leads to. Another name is one by which a forwarded port is asked: it is let in, over the loopback.
 */
export async function openTo(host: string | undefined): Promise<Openness> {
  if (host === undefined || host === loopback) return { addresses: [], names: [] };
  const own = ownAddresses();
  if (host === '0.0.0.0' || host === '::') {
    const isMeant = host === '::' ? () => true : (address: string) => !isIPv6(address);
    const addresses = own.filter((address) => isMeant(address) && address !== loopback);
    return { addresses, names: addresses.map(nameOfAddress) };
  }
  if (isIP(host) === 0) return openToName(host.toLowerCase(), own);
  if (own.includes(host)) return { addresses: [host], names: [nameOfAddress(host)] };
  throw new HostError(
    `HOST=${host} is no address of this machine. It has ${own.join(', ')}; HOST=0.0.0.0 is all of them.`,
  );
}

async function openToName(name: string, own: readonly string[]): Promise<Openness> {
  if (isLoopbackName(name)) return { addresses: [], names: [] };
  const found = await lookup(name, { all: true }).catch(() => []);
  const addresses = found.map(({ address }) => address).filter((address) => own.includes(address));
  return {
    addresses: addresses.filter((address) => address !== loopback),
    names: [name, ...addresses.map(nameOfAddress)],
  };
}

/** Without those that mean something on one network alone (`fe80::…`), which no URL can name. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flat()
    .flatMap((at) => (at === undefined || (at.family === 'IPv6' && at.scopeid !== 0) ? [] : [at.address]));
}

/** As it stands in a URL. */
function nameOfAddress(address: string): string {
  return isIPv6(address) ? `[${address}]` : address;
}
