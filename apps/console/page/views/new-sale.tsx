import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask, messageOf } from '../ask.ts';
import { digitsOf } from '../numbers.ts';
import { Action } from '../parts/action.tsx';
import { Field, Tick } from '../parts/field.tsx';
import { Complaint } from '../parts/notice.tsx';
import type { SaleRecord } from '../records.ts';
import { go, hrefs } from '../route.ts';

export function NewSale() {
  return (
    <div className="stack narrow">
      <nav aria-label="Way back">
        <a href={hrefs.sales}>← Sales</a>
      </nav>
      <h1>New sale</h1>
      <NewSaleForm />
    </div>
  );
}

interface ItemInput {
  name: string;
  price: string;
  stock: string;
}

const blankItem: ItemInput = { name: '', price: '', stock: '' };

export function NewSaleForm() {
  const queries = useQueryClient();
  const [key] = useState(() => crypto.randomUUID());
  const [name, setName] = useState('');
  const [items, setItems] = useState<ItemInput[]>([{ ...blankItem, stock: '100' }]);
  const [currency, setCurrency] = useState('EUR');
  const [holdMinutes, setHoldMinutes] = useState('5');
  const [limit, setLimit] = useState('');
  const [waitlist, setWaitlist] = useState(false);
  const [opens, setOpens] = useState(true);

  const creating = useMutation({
    mutationFn: () =>
      ask<SaleRecord>('POST', '/v1/sales', {
        idempotencyKey: key,
        body: {
          name,
          currency,
          holdSeconds: Math.round(Number(holdMinutes) * 60),
          perBuyerLimit: limit === '' ? null : Number(limit),
          waitlist,
          status: opens ? 'open' : 'draft',
          items: bodiesOf(items, currency),
        },
      }),
    onSuccess: (sale) => {
      void queries.invalidateQueries({ queryKey: ['sales'] });
      go(hrefs.sale(sale.id));
    },
  });

  const change = (index: number, changes: Partial<ItemInput>) =>
    setItems(items.map((item, at) => (at === index ? { ...item, ...changes } : item)));

  return (
    <form
      className="card stack form"
      onSubmit={(event) => {
        event.preventDefault();
        if (!creating.isPending) creating.mutate();
      }}
    >
      <Field
        label="Name of the sale"
        required
        maxLength={200}
        placeholder="Spring drop"
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <fieldset className="stack">
        <legend>What is sold</legend>
        {items.map((item, index) => (
          // Items have no name of their own before they are created.
          <div className="item-input" key={index}>
            <Field
              label="Item"
              required
              maxLength={128}
              placeholder="Tee"
              value={item.name}
              onChange={(event) => change(index, { name: event.target.value })}
            />
            <Field
              label={`Price, ${currency}`}
              inputMode="decimal"
              pattern="\d+([.,]\d+)?"
              placeholder="49.00"
              value={item.price}
              onChange={(event) => change(index, { price: event.target.value })}
            />
            <Field
              label="Units"
              type="number"
              min={0}
              max={1_000_000_000}
              required
              value={item.stock}
              onChange={(event) => change(index, { stock: event.target.value })}
            />
            {items.length > 1 && (
              <Action onClick={() => setItems(items.filter((_, at) => at !== index))}>
                <span aria-hidden="true">✕</span>
                <span className="unseen">Leave out {item.name || `item ${index + 1}`}</span>
              </Action>
            )}
          </div>
        ))}
        <div>
          <Action onClick={() => setItems([...items, blankItem])}>Another item</Action>
        </div>
      </fieldset>
      <div className="fields">
        <Field
          label="Hold, minutes"
          type="number"
          min={0.1}
          max={1_440}
          step="any"
          required
          value={holdMinutes}
          onChange={(event) => setHoldMinutes(event.target.value)}
          hint="How long a buyer has to pay"
        />
        <Field
          label="Units per buyer"
          type="number"
          min={1}
          placeholder="no limit"
          value={limit}
          onChange={(event) => setLimit(event.target.value)}
        />
        <Field
          label="Currency"
          required
          pattern="[A-Z]{3}"
          maxLength={3}
          value={currency}
          onChange={(event) => setCurrency(event.target.value.toUpperCase())}
        />
      </div>
      <Tick
        label="Waitlist: units that come back go to whoever waits, before any newcomer"
        checked={waitlist}
        onChange={(event) => setWaitlist(event.target.checked)}
      />
      <Tick
        label="Open at once (otherwise it is a draft, which nobody sees)"
        checked={opens}
        onChange={(event) => setOpens(event.target.checked)}
      />
      {creating.isError && <Complaint>{messageOf(creating.error)}</Complaint>}
      <div className="buttons">
        <Action type="submit" kind="primary" scope="merchant" busy={creating.isPending}>
          {opens ? 'Create and open' : 'Create the draft'}
        </Action>
      </div>
    </form>
  );
}

function bodiesOf(items: readonly ItemInput[], currency: string) {
  const taken = new Set<string>();
  return items.map(({ name, price, stock }) => ({
    sku: skuOf(name, taken),
    name,
    priceMinor: Math.round(Number((price || '0').replace(',', '.')) * 10 ** digitsOf(currency)),
    stock: Number(stock),
  }));
}

/** `Tee, black` is `tee-black`; a second one of that name is `tee-black-2`. */
function skuOf(name: string, taken: Set<string>): string {
  const plain =
    name
      .normalize('NFKD')
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-+|-+$/g, '')
      .slice(0, 100) || 'item';
  let sku = plain;
  for (let number = 2; taken.has(sku); number++) sku = `${plain}-${number}`;
  taken.add(sku);
  return sku;
}
