import type { Ticket } from '../ticket.ts';
import type { Sale } from '../sale.ts';
import { screenOf } from './buying.ts';
import { cardOf } from './card.ts';
import { type CardView, createCardView } from './card-view.ts';
import { createSession, type Session } from './session.ts';
import { textsOf } from './languages.ts';
import type { Texts } from './words.ts';

export interface ElementDefaults {
  /** Origin of the edge when the attribute is absent. */
  edge: string;
}

/** What is told to the page with every change, as `detail` of a `holdfast-change` event. */
export interface HoldfastChange {
  screen: ReturnType<typeof screenOf>['kind'];
  sale: Sale | null;
  ticket: Ticket | null;
  /** With a provider whose form the shop's page shows itself: what the form needs. */
  clientSecret: string | null;
}

/** So that a countdown changes when the second does, and no more often. */
const tickMs = 250;

/**
 * `<holdfast-buy sale="drop" sku="lamp" edge="https://sales.example.org">`: price, stock, and the whole way from the
 * press to the receipt.
 *
 * Attributes: `sale`; `sku` (absent: the sale's first item); `edge` (absent: where the script came from); `quantity`
 * (1); `buyer` (absent: this browser is the buyer); `lang` (absent: the page's). A buyer token goes into the property
 * `token`, as a text or as a function that is asked before each request.
 * Themed by custom properties (`--holdfast-accent`, `-on-accent`, `-radius`, `-line`, `-muted`, `-warning`) and by
 * `::part()` (`top price stock stock-bar card title text clock time time-bar notice actions button main facts`).
 * Tells the page of every change by `holdfast-change`, a bubbling event; see `HoldfastChange`.
 */
export function defineHoldfastBuy({ edge: defaultEdge }: ElementDefaults, name = 'holdfast-buy'): void {
  if (customElements.get(name) !== undefined) return;

  class HoldfastBuy extends HTMLElement {
    static observedAttributes = ['sale', 'sku', 'edge', 'quantity', 'buyer', 'lang'];
    #view: CardView | null = null;
    #session: Session | null = null;
    #texts: Texts | null = null;
    #token: string | (() => string | Promise<string>) | undefined;
    #clock: ReturnType<typeof setInterval> | undefined;
    #pageLanguage = new MutationObserver(() => void this.#speak());

    get token() {
      return this.#token;
    }

    set token(token) {
      this.#token = token;
      this.#begin();
    }

    connectedCallback(): void {
      // The page may have set it before this program came.
      if (Object.hasOwn(this, 'token')) {
        this.#token = this.token;
        delete (this as { token?: unknown }).token;
      }
      this.#view ??= createCardView(this.attachShadow({ mode: 'open' }), (act) => this.#session?.press(act));
      this.#pageLanguage.observe(document.documentElement, { attributeFilter: ['lang', 'dir'] });
      this.#clock = setInterval(() => this.#show(), tickMs);
      void this.#speak();
      this.#begin();
    }

    disconnectedCallback(): void {
      this.#session?.close();
      this.#session = null;
      this.#pageLanguage.disconnect();
      clearInterval(this.#clock);
    }

    attributeChangedCallback(attribute: string, before: string | null, now: string | null): void {
      if (before === now || this.#session === null) return;
      if (attribute === 'lang') void this.#speak();
      else this.#begin();
    }

    get #language(): string {
      return this.closest('[lang]')?.getAttribute('lang') || navigator.language;
    }

    get #edge(): string {
      return (this.getAttribute('edge') ?? defaultEdge).replace(/\/+$/, '');
    }

    get #sku(): string | undefined {
      return this.getAttribute('sku') ?? undefined;
    }

    get #quantity(): number {
      return Math.max(1, Number.parseInt(this.getAttribute('quantity') ?? '', 10) || 1);
    }

    async #speak(): Promise<void> {
      const language = this.#language;
      const texts = await textsOf(language, this.#edge);
      if (language !== this.#language) return;
      this.#texts = texts;
      this.#show();
    }

    #begin(): void {
      this.#session?.close();
      this.#session = null;
      const saleId = this.getAttribute('sale');
      if (saleId === null || !this.isConnected) return;
      this.#session = createSession({
        edge: this.#edge,
        saleId,
        sku: this.#sku,
        quantity: this.#quantity,
        buyerId: this.getAttribute('buyer') ?? undefined,
        token: this.#token,
        changed: () => {
          this.#show();
          this.#tell();
        },
      });
      this.#show();
    }

    #show(): void {
      if (this.#session === null || this.#texts === null) return;
      const settings = {
        texts: this.#texts,
        language: this.#language,
        sku: this.#sku,
        quantity: this.#quantity,
      };
      const card = cardOf(this.#session.buying, Date.now(), settings);
      // An address of the edge's own is written without its origin.
      for (const action of card.actions)
        if (action.href?.startsWith('/') === true) action.href = this.#edge + action.href;
      this.#view?.show(card);
      if (this.dataset['screen'] === card.kind) return;
      this.dataset['screen'] = card.kind;
      this.#tell();
    }

    #tell(): void {
      if (this.#session === null) return;
      const { buying } = this.#session;
      const detail: HoldfastChange = {
        screen: screenOf(buying, Date.now(), this.#sku).kind,
        sale: buying.sale,
        ticket: buying.ticket,
        clientSecret: buying.payment?.clientSecret ?? null,
      };
      this.dispatchEvent(new CustomEvent('holdfast-change', { detail, bubbles: true, composed: true }));
    }
  }

  customElements.define(name, HoldfastBuy);
}
