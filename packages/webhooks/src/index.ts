/** How a webhook leaves the house: signed, to an address that may be called, within its time. Knows nothing of sales. */
export { type AddressRange, parseAddressRange } from './addresses.ts';
export { createWebhookSender, type WebhookSenderOptions } from './sender.ts';
