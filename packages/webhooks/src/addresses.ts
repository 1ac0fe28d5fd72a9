import ipaddr from 'ipaddr.js';

export type AddressRange = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** Reads `10.0.0.0/8` or a single address; null when it is neither. */
export function parseAddressRange(text: string): AddressRange | null {
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
  if (!ipaddr.isValid(text)) return null;
  const address = ipaddr.process(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

/** All of the internet's own IPv6 addresses; the rest are reserved, local, or IPv4 in other clothes. */
const globalUnicast = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number];

/**
 * `public`: anybody's to call. `allowed`: in a range that this house was told to trust. `refused`: everything else, such
 * as loopback, private networks, and the addresses where clouds keep their credentials.
 */
export function judgeAddress(
  text: string,
  allowed: readonly AddressRange[],
): 'public' | 'allowed' | 'refused' {
  if (!ipaddr.isValid(text)) return 'refused';
  // An IPv4 address in IPv6 clothes is the IPv4 address.
  const address = ipaddr.process(text);
  if (allowed.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits)))
    return 'allowed';
  if (address.range() !== 'unicast') return 'refused';
  return address.kind() === 'ipv4' || (address as ipaddr.IPv6).match(globalUnicast) ? 'public' : 'refused';
}
