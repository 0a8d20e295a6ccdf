import { isIP } from 'node:net';
import { addressBlock } from '#shared/limits/ip-address.ts';
import { type FuzzTarget, hold, textOf } from '../target.ts';

/** What stands for an address: a block in its one spelling, or the one block of all that is no address. */
export const target: FuzzTarget = {
  files: ['shared/limits/ip-address.ts'],
  seeds: ['192.0.2.1', '2001:db8:0:1::1', '::ffff:192.0.2.1', '::', '1:2:3:4:5:6:7:8', 'fe80::1%eth0', 'x'],
  words: [':', '::', '.', 'ffff', '0', '%', '/64'],
  run(input) {
    const address = textOf(input);
    const block = addressBlock(address);
    if (isIP(address) === 4) hold(addressBlock(`::ffff:${address}`) === block, 'two blocks of one address');
    if (isIP(address) === 0) hold(block === 'unknown', 'a block of what is no address');
    else if (isIP(block) === 0) {
      hold(block.endsWith('::/64'), 'a block in another spelling');
      hold(addressBlock(block.replace('/64', '')) === block, 'two spellings of one block');
    } else hold(isIP(block) === 4 && addressBlock(block) === block, 'two spellings of one address');
  },
};
