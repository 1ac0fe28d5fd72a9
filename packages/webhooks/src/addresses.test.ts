import { describe, expect, it } from 'vitest';
import { judgeAddress, parseAddressRange, type AddressRange } from './addresses.ts';

const ranges = (...texts: string[]) => texts.map((text) => parseAddressRange(text) as AddressRange);

describe('an address that a webhook leads to', () => {
  it.each(['93.184.216.34', '1.1.1.1', '223.255.255.254', '2606:4700::1111', '::ffff:8.8.8.8'])(
    '%s is the internet',
    (address) => {
      expect(judgeAddress(address, [])).toBe('public');
    },
  );

  it.each([
    [
      'this machine',
      '127.0.0.1',
      '127.255.255.255',
      '0.0.0.0',
      '::1',
      '::',
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
    ],
    ['a private network', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fd12::1'],
    ['the cloud itself', '169.254.169.254', '::ffff:169.254.169.254', 'fe80::1', 'fd00:ec2::254'],
    [
      'nobody in particular',
      '100.64.0.1',
      '192.0.2.1',
      '198.18.0.1',
      '224.0.0.1',
      '255.255.255.255',
      'ff02::1',
    ],
    ['IPv4 in other clothes', '64:ff9b::7f00:1', '2002:7f00:1::', '::127.0.0.1', '2001:0:7f00:1::'],
    ['no address', 'localhost', '', '127.0.0.1.', '[::1]'],
  ])('of %s is refused', (_, ...addresses) => {
    for (const address of addresses) expect(judgeAddress(address, []), address).toBe('refused');
  });

  it('is called all the same in a range that is allowed, to its edges and no further', () => {
    const allowed = ranges('10.1.0.0/16', '::1', '192.168.7.7');
    for (const address of ['10.1.0.0', '10.1.255.255', '::ffff:10.1.2.3', '::1', '192.168.7.7'])
      expect(judgeAddress(address, allowed), address).toBe('allowed');
    for (const address of ['10.0.255.255', '10.2.0.0', '::2', '192.168.7.8', '127.0.0.1'])
      expect(judgeAddress(address, allowed), address).toBe('refused');
  });

  it('is not allowed by what is no range', () => {
    for (const text of ['localhost', '10.0.0.0/33', '10.0.0/x', ''])
      expect(parseAddressRange(text), text).toBeNull();
  });
});
