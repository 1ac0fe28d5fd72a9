import { describe, expect, it } from 'vitest';
import { clientAddress, parseRange } from './client-address.ts';

const trusted = ['10.0.0.0/8', '2001:db8:ffff::/48'].map((text) => {
  const range = parseRange(text);
  if (range === null) throw new Error(text);
  return range;
});

describe('the address of a client', () => {
  it.each([
    ['the peer, when it is no proxy', '203.0.113.9', undefined, '203.0.113.9'],
    ['the peer, whatever it says of others', '203.0.113.9', '198.51.100.7', '203.0.113.9'],
    ['what a trusted proxy wrote', '10.0.0.1', '198.51.100.7', '198.51.100.7'],
    [
      'the right-most that no trusted proxy is',
      '10.0.0.1',
      '1.1.1.1, 198.51.100.7, 10.9.9.9',
      '198.51.100.7',
    ],
    ['the proxy, when it wrote no address', '10.0.0.1', 'unknown', '10.0.0.1'],
    ['the proxy, when it wrote nothing', '10.0.0.1', undefined, '10.0.0.1'],
    ['the same in IPv6 clothes', '::ffff:203.0.113.9', undefined, '203.0.113.9'],
    ['all of a /64', '2001:db8:1:2:3:4:5:6', undefined, '2001:db8:1:2::/64'],
    ['all of a /64 behind a proxy', '2001:db8:ffff::1', '2001:DB8:1:2:aaaa::1', '2001:db8:1:2::/64'],
    ['nobody', undefined, '198.51.100.7', 'unknown'],
  ])('is %s', (_, peer, forwardedFor, address) => {
    expect(clientAddress(peer, forwardedFor, trusted)).toBe(address);
  });

  it('can be told as a range or alone, and as nothing else', () => {
    expect(parseRange('10.0.0.1')).toEqual([expect.anything(), 32]);
    expect(parseRange('2001:db8::1')).toEqual([expect.anything(), 128]);
    for (const text of ['', 'proxy', '10.0.0.0/33', '10.0.0']) expect(parseRange(text)).toBeNull();
  });
});
