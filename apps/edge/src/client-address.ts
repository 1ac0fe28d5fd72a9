import ipaddr from 'ipaddr.js';

export type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** Reads `10.0.0.0/8` or a single address; null when it is neither. */
export function parseRange(text: string): Range | null {
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
  const address = parse(text);
  return address && [address, address.kind() === 'ipv4' ? 32 : 128];
}

/**
 * Who is at the other end, as one name per household: an IPv4 address, or the /64 of an IPv6 one, since one customer has
 * all of it. `X-Forwarded-For` counts only as far as proxies that are trusted wrote it: from the right, the first hop
 * that is none of them. Whatever stands left of that may be made up.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | undefined,
  trusted: readonly Range[],
): string {
  let nearest = parse(peer);
  if (nearest === null) return 'unknown';
  const hops = forwardedFor === undefined ? [] : forwardedFor.split(',');
  while (hops.length > 0 && isTrusted(nearest, trusted)) {
    const next = parse(hops.pop()?.trim());
    if (next === null) break;
    nearest = next;
  }
  return nearest.kind() === 'ipv4' ? nearest.toString() : prefixOf(nearest as ipaddr.IPv6);
}

function parse(text: string | undefined): ipaddr.IPv4 | ipaddr.IPv6 | null {
  // An IPv4 address in IPv6 clothes is the IPv4 address.
  if (text === undefined) return null;
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);
  return isAddress ? ipaddr.process(text) : null;
}

/** Whether the one at the other end of a connection is such a proxy. */
export function isTrustedProxy(peer: string | undefined, trusted: readonly Range[]): boolean {
  const address = parse(peer);
  return address !== null && isTrusted(address, trusted);
}

function isTrusted(address: ipaddr.IPv4 | ipaddr.IPv6, trusted: readonly Range[]): boolean {
  return trusted.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits));
}

function prefixOf(address: ipaddr.IPv6): string {
  return `${address.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}
