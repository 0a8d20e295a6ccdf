import { isIP, SocketAddress } from 'node:net';

/**
 * The block of addresses that is taken for one customer, in one spelling. An IPv4 address stays as it is, also when it
 * comes as IPv4-mapped IPv6. Of an IPv6 address it is the /64, the least that a network hands out: whoever has one
 * address of it has them all.
 *
 * What is no address gives `unknown`, one block for all of it. API Gateway never sends such a thing, so this is some
 * defect on the way: it should neither lock everybody out nor let anybody make up a new block for each attempt.
 */
export function addressBlock(address: string): string {
  if (isIP(address) === 4) return address;
  if (isIP(address) !== 6) return 'unknown';
  const canonical = new SocketAddress({ address, family: 'ipv6' }).address;
  const mapped = /^::ffff:([\d.]+)$/.exec(canonical)?.[1];
  return mapped ?? `${firstFourGroups(canonical).join(':')}::/64`;
}

/** Of an address as `SocketAddress` spells it: lower case, no leading zeros, and dots only behind six groups of zeros. */
function firstFourGroups(canonical: string): string[] {
  const [left = [], right = []] = canonical.split('::').map((part) => part.split(':').filter(Boolean));
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].slice(0, 4);
}
