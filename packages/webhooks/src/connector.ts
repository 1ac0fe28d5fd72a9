import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { type AddressRange, judgeAddress } from './addresses.ts';

type Addresses = { address: string; family: number }[];

/** All addresses of a name; rejects when it has none. */
export type Resolve = (hostname: string) => Promise<Addresses>;

export interface ConnectorOptions {
  allowed: readonly AddressRange[];
  connectWithinMs: number;
  resolve?: Resolve | undefined;
}

/** No connection was made: the address may not be called, or not without TLS. */
export class NotToBeCalled extends Error {
  readonly why: 'refused_address' | 'not_https';

  constructor(why: 'refused_address' | 'not_https') {
    super(`A webhook leads where it must not: ${why}`);
    this.why = why;
  }
}

const byTheSystem: Resolve = (hostname) => lookup(hostname, { all: true });

/**
 * Connects only to addresses that may be called. A name is resolved once, here, and the connection is made to the very
 * addresses that were judged: a name that leads elsewhere when it is asked again (DNS rebinding) is not asked again.
 */
export function createConnector({
  allowed,
  connectWithinMs,
  resolve = byTheSystem,
}: ConnectorOptions): buildConnector.connector {
  const maySpeakTo = (address: string, protocol: string) => {
    const verdict = judgeAddress(address, allowed);
    if (verdict === 'refused') return 'refused_address';
    return verdict === 'public' && protocol !== 'https:' ? 'not_https' : 'yes';
  };

  async function addressesOf({ hostname, protocol }: buildConnector.Options): Promise<Addresses> {
    const host = hostname.replace(/^\[|\]$/g, '');
    const family = isIP(host);
    const found = family === 0 ? await resolve(host) : [{ address: host, family }];
    const judged = found.map((one) => ({ ...one, verdict: maySpeakTo(one.address, protocol) }));
    const good = judged.filter(({ verdict }) => verdict === 'yes');
    if (good.length > 0) return good.map(({ address, family: of }) => ({ address, family: of }));
    throw new NotToBeCalled(
      judged.some(({ verdict }) => verdict === 'not_https') ? 'not_https' : 'refused_address',
    );
  }

  async function open(options: buildConnector.Options, callback: buildConnector.Callback): Promise<void> {
    let addresses: Addresses;
    try {
      addresses = await addressesOf(options);
    } catch (error) {
      callback(error as Error, null);
      return;
    }
    buildConnector({
      allowH2: false,
      timeout: connectWithinMs,
      autoSelectFamily: true,
      lookup: lookupIn(addresses),
    })(options, callback);
  }

  return (options, callback) => void open(options, callback);
}

/** What the system is asked instead of its resolver: it gets the addresses that were judged. */
function lookupIn(addresses: Addresses): LookupFunction {
  return (_hostname, { all }, done) => {
    const [first] = addresses;
    if (all === true) done(null, addresses);
    else done(null, first?.address ?? '', first?.family);
  };
}
