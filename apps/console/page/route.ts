import { useSyncExternalStore } from 'react';

/** Where somebody is on the page: it stands behind the `#`, so that every place can be sent to a colleague. */
export type Place =
  | { view: 'sales' }
  | { view: 'new-sale' }
  | { view: 'sale'; saleId: string }
  | { view: 'ticket'; ticketId: string }
  | { view: 'queues' }
  | { view: 'webhooks' }
  | { view: 'keys' };

export function placeOf(hash: string): Place {
  const [, first = '', second] = hash.replace(/^#/, '').split('/');
  if (first === 'sales' && second !== undefined && second !== '')
    return second === '+' ? { view: 'new-sale' } : { view: 'sale', saleId: decodeURIComponent(second) };
  if (first === 'tickets' && second !== undefined && second !== '')
    return { view: 'ticket', ticketId: decodeURIComponent(second) };
  if (first === 'queues' || first === 'webhooks' || first === 'keys') return { view: first };
  return { view: 'sales' };
}

export const hrefs = {
  sales: '#/',
  newSale: '#/sales/+',
  sale: (saleId: string) => `#/sales/${encodeURIComponent(saleId)}`,
  ticket: (ticketId: string) => `#/tickets/${encodeURIComponent(ticketId)}`,
  queues: '#/queues',
  webhooks: '#/webhooks',
  keys: '#/keys',
};

export function go(href: string): void {
  location.hash = href.slice(1);
}

export function usePlace(): Place {
  const hash = useSyncExternalStore(onHashChange, () => location.hash);
  return placeOf(hash);
}

function onHashChange(changed: () => void): () => void {
  addEventListener('hashchange', changed);
  return () => removeEventListener('hashchange', changed);
}
