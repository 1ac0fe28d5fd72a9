import { type Answer, paymentEventLimitBytes, problem, refusalProblem } from '@holdfast/contracts';
import { type Handle, headerOf, json } from '../call.ts';
import type { Payments } from '../payments.ts';
import { readRawBody } from '../read-body.ts';

/** `POST /v1/payments/{provider}`: what the provider has to tell, signed over the bytes as they came. */
export function receiveEvent(payments: Payments): Handle {
  return async (c, requestId) => {
    const read = await readRawBody(c, requestId, paymentEventLimitBytes);
    if (read.kind === 'answer') return read.answer;
    return takeEvent(payments, read.body, headerOf(c, payments.provider.signatureHeader), requestId);
  };
}

/** 200 is given only for what is safe: for anything else the provider sends again, for days. */
export async function takeEvent(
  payments: Payments,
  body: Buffer,
  signature: string | undefined,
  requestId: string,
): Promise<Answer> {
  const event = payments.provider.readNotice(body, signature);
  if (event.kind === 'unsigned') {
    payments.counts.unsigned += 1;
    return problem('unauthorized', requestId);
  }
  if (event.kind === 'notice') {
    const answer = await payments.take(event.notice);
    if (answer.kind === 'refused') return refusalProblem(answer, requestId);
  }
  return json(200, { received: true });
}
