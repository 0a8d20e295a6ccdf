import { BlockList, isIP } from 'node:net';

/** Whether an IP address lies in a network that the team trusts. */
export type IsTrusted = (address: string) => boolean;

const example = 'TRUSTED_NETWORKS=203.0.113.0/24,2001:db8::/32';
const longestPrefix = { 4: 32, 6: 128 } as const;

/**
 * Reads the setting `TRUSTED_NETWORKS`: networks in CIDR notation, separated by commas. An IPv4 network holds its
 * addresses also where they come as IPv4-mapped IPv6.
 *
 * @param list undefined or empty: no network is trusted
 * @throws Error that names what is wrong and says what to write
 */
export function parseTrustedNetworks(list: string | undefined): IsTrusted {
  const trusted = new BlockList();
  for (const network of (list ?? '').split(',').map((part) => part.trim())) {
    if (network !== '') addNetwork(trusted, network);
  }
  return (address) => {
    const family = isIP(address);
    return family !== 0 && trusted.check(address, family === 6 ? 'ipv6' : 'ipv4');
  };
}

function addNetwork(trusted: BlockList, network: string): void {
  const [, address = '', prefix = ''] = /^([^/%]+)\/(\d{1,3})$/.exec(network) ?? [];
  const family = isIP(address);
  if ((family !== 4 && family !== 6) || Number(prefix) > longestPrefix[family] || Number(prefix) === 0) {
    throw new Error(
      `TRUSTED_NETWORKS: ${JSON.stringify(network)} is no network; write address/length, 1 to 32 for IPv4 and 1 to 128 for IPv6. For example: ${example}`,
    );
  }
  trusted.addSubnet(address, Number(prefix), family === 6 ? 'ipv6' : 'ipv4');
}
