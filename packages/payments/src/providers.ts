import type { PaymentProvider } from '@holdfast/core';
import { createFake } from './fake.ts';
import type { StripeOptions } from './stripe.ts';

export type ProviderChoice =
  | { kind: 'none' | 'fake' }
  | ({ kind: 'stripe' } & Omit<StripeOptions, 'onError'>);

/** Null when nobody takes money here. Stripe's library is loaded only where it is used: it is 50 ms and 36 MB (measured). */
export async function createPaymentProvider(
  choice: ProviderChoice,
  onError: (error: Error) => void = () => undefined,
): Promise<PaymentProvider | null> {
  switch (choice.kind) {
    case 'none':
      return null;
    case 'fake':
      return createFake();
    case 'stripe': {
      const { createStripe } = await import('./stripe.ts');
      return createStripe({ ...choice, onError });
    }
  }
}
