/** Who takes the money. The rules of what a payment does to a ticket are core's; this room speaks with providers. */
export * from './fake.ts';
export * from './providers.ts';
