import { expect, test } from 'vitest';
import { parseTrustedNetworks } from '#shared/limits/trusted-networks.ts';

test.for([
  [undefined, '203.0.113.7', false],
  ['', '203.0.113.7', false],
  ['203.0.113.0/24', '203.0.113.7', true],
  ['203.0.113.0/24', '203.0.114.7', false],
  ['203.0.113.0/24', '::ffff:203.0.113.7', true],
  ['203.0.113.7/32', '203.0.113.7', true],
  ['198.51.100.0/24, 203.0.113.0/24', '203.0.113.7', true],
  ['2001:db8::/32', '2001:db8:1::7', true],
  ['2001:db8::/32', '2001:db9::7', false],
  ['2001:db8::/32', '203.0.113.7', false],
  ['203.0.113.0/24', 'unknown', false],
] as const)('%s trusts %s: %s', ([list, address, isTrusted]) => {
  expect(parseTrustedNetworks(list)(address)).toBe(isTrusted);
});

test.for([
  'office',
  '203.0.113.7',
  '203.0.113.0/33',
  '2001:db8::/129',
  '0.0.0.0/0',
  '::/0',
  '203.0.113.0/-1',
  'fe80::1%eth0/64',
  '203.0.113.0/24;198.51.100.0/24',
])('%s is refused with what to write instead', (list) => {
  expect(() => parseTrustedNetworks(list)).toThrow(/is no network; write .*For example: TRUSTED_NETWORKS=/);
});
