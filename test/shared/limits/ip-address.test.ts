import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressBlock } from '#shared/limits/ip-address.ts';

describe('addressBlock', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
  ])('takes IPv4 as it is, mapped or not: %s', (address, block) => {
    expect(addressBlock(address)).toBe(block);
  });

  it.each([
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:db8::', '2001:db8:0:0::/64'],
    ['2001:db8::1:2:3:4:5', '2001:db8:0:1::/64'],
    ['2001:db8:0:1::5', '2001:db8:0:1::/64'],
    ['1::4:5:6:7:8', '1:0:0:4::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['::203.0.113.7', '0:0:0:0::/64'],
    ['64:ff9b::203.0.113.7', '64:ff9b:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('takes the /64 of IPv6 in one spelling: %s', (address, block) => {
    expect(addressBlock(address)).toBe(block);
  });

  it.each([
    '',
    ' ',
    'localhost',
    '203.0.113',
    '203.0.113.07',
    '203.0.113.7:80',
    '[::1]',
    '1::2::3',
    'user#alice',
  ])('puts what is no address into one block: %j', (junk) => {
    expect(addressBlock(junk)).toBe('unknown');
  });

  it('gives all spellings of all addresses of a /64 one block, and another /64 another one', () => {
    const group = fc.constantFrom(0, 0, 0, 1, 0xdb8, 0xffff, 0x0a00);
    const groups = (length: number) => fc.array(group, { minLength: length, maxLength: length });
    const spelling = fc.constantFrom(spellPlainly, spellPadded, spellCompressed);
    const network = groups(4).filter((four) => four.some((one) => one !== 0));
    fc.assert(
      fc.property(
        network,
        groups(4),
        groups(4),
        spelling,
        spelling,
        (four, oneHost, other, spell, spellOther) => {
          const block = `${four.map((one) => one.toString(16)).join(':')}::/64`;
          expect(addressBlock(spell([...four, ...oneHost]))).toBe(block);
          expect(addressBlock(spellOther([...four, ...other]))).toBe(block);
        },
      ),
    );
  });
});

function spellPlainly(groups: number[]): string {
  return groups.map((group) => group.toString(16)).join(':');
}

function spellPadded(groups: number[]): string {
  return groups.map((group) => group.toString(16).toUpperCase().padStart(4, '0')).join(':');
}

/** With `::` for the first run of zeros. */
function spellCompressed(groups: number[]): string {
  return spellPlainly(groups).replace(/(^|:)0(:0)+(:|$)/, '::');
}
