import { createHash } from 'node:crypto';
import { type Answer, problem } from '@holdfast/contracts';
import { type FakeAct, fakeActs, type FakeProvider } from '@holdfast/payments';
import type { Handle } from '../call.ts';
import type { Payments } from '../payments.ts';
import { takeEvent } from './payment-events.ts';

/** `GET /v1/payments/fake/{clientSecret}`: the page of a provider that takes no money, for demos. */
export function fakePaymentPage(provider: FakeProvider): Handle {
  return (c, requestId) => {
    const clientSecret = c.req.param('clientSecret') ?? '';
    const order = provider.orderOf(clientSecret);
    if (order === null) return problem('not_found', requestId);
    return page(priceOf(order.totalMinor, order.currency), `/v1/tickets/${order.ticketId}`);
  };
}

/** `POST /v1/payments/fake/{clientSecret}/{pay,fail,cancel}`: the event that follows takes the way of every signed event. */
export function actOnFakePayment(provider: FakeProvider, payments: Payments): Handle {
  return (c, requestId) => {
    const act = c.req.param('act') ?? '';
    const event = isAct(act) ? provider.act(c.req.param('clientSecret') ?? '', act) : null;
    if (event === null) return problem('not_found', requestId);
    return takeEvent(payments, event.body, event.signature, requestId);
  };
}

function isAct(act: string): act is FakeAct {
  return (fakeActs as readonly string[]).includes(act);
}

/** Minor units as people write them. */
function priceOf(amountMinor: number, currency: string): string {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  return format.format(amountMinor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

/** Acts by its own address; "late" waits on the page until the hold has lapsed, since nobody else should remember it. */
const script = `
const out = document.querySelector('output');
const state = document.querySelector('#state');
const status = async () => {
  const answer = await fetch(document.body.dataset.ticket);
  const now = answer.ok ? (await answer.json()).status : 'not to be read from this page';
  state.textContent = 'The ticket is ' + now + '.';
  return now;
};
const act = async (name) => {
  const answer = await fetch(location.pathname + '/' + name, { method: 'POST' });
  out.textContent = answer.ok ? 'Sent.' : (await answer.json()).detail;
};
const late = async () => {
  out.textContent = 'This waits until the hold has lapsed.';
  while ((await status()) === 'held') await new Promise((again) => setTimeout(again, 1000));
  await act('pay');
};
for (const button of document.querySelectorAll('button'))
  button.onclick = () => (button.value === 'late' ? late() : act(button.value));
setInterval(status, 1000);
status();
`;
const scriptHash = createHash('sha256').update(script).digest('base64');

function page(price: string, ticket: string): Answer {
  const button = (value: string, text: string) => `<button value="${value}">${text}</button>`;
  return {
    status: 200,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': `default-src 'none'; style-src 'unsafe-inline'; connect-src 'self'; script-src 'sha256-${scriptHash}'; frame-ancestors 'none'`,
      'Cache-Control': 'no-store',
    },
    body: [
      '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
      '<title>Pay (demo)</title>',
      '<style>body{font:16px/1.5 system-ui,sans-serif;max-width:30rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}button{font:inherit;margin:.2rem}</style>',
      `<body data-ticket="${ticket}"><h1>${price}</h1><p>This is a demo: no money moves.</p><p>`,
      button('pay', 'Pay'),
      button('fail', 'Let the card fail'),
      button('cancel', 'Cancel the payment'),
      button('late', 'Pay too late'),
      `</p><p id="state"></p><output></output><script>${script}</script></body></html>`,
    ].join(''),
  };
}
