import { createHmac, timingSafeEqual } from 'node:crypto';

/** `t=<epoch seconds>,v1=<HMAC-SHA256 of "t.body">`: the scheme that Stripe uses, for the provider that plays one. */
export function sign(body: Buffer, secret: string, atSeconds: number): string {
  return `t=${atSeconds},v1=${macOf(body, secret, atSeconds)}`;
}

export function isSigned(
  body: Buffer,
  header: string | undefined,
  secret: string,
  toleranceSeconds: number,
): boolean {
  const [, at, mac] = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header ?? '') ?? [];
  if (at === undefined || mac === undefined) return false;
  const isRight = timingSafeEqual(Buffer.from(mac), Buffer.from(macOf(body, secret, Number(at))));
  return isRight && Date.now() / 1_000 - Number(at) <= toleranceSeconds;
}

function macOf(body: Buffer, secret: string, atSeconds: number): string {
  return createHmac('sha256', secret).update(`${atSeconds}.`).update(body).digest('hex');
}
