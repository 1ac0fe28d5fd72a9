import { useState } from 'react';
import { ask } from '../ask.ts';
import { count, money } from '../numbers.ts';
import { Action } from '../parts/action.tsx';
import { Field } from '../parts/field.tsx';
import { Question } from '../parts/question.tsx';
import type { SaleGlanceRecord } from '../records.ts';

type Item = SaleGlanceRecord['items'][number];

export function SaleItems({ sale }: { sale: SaleGlanceRecord }) {
  const [asked, setAsked] = useState<{ item: Item; withdraws: boolean } | null>(null);
  const over = sale.status === 'settled' || sale.status === 'cancelled' ? 'The sale is over' : null;
  return (
    <section className="card table-card">
      <h2>Items</h2>
      <table>
        <thead>
          <tr>
            <th>Item</th>
            <th className="number">Stock</th>
            <th className="number">Sold</th>
            <th className="number">On hold</th>
            <th className="number">Available</th>
            <th>
              <span className="unseen">Change</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sale.items.map((item) => (
            <tr key={item.sku}>
              <th scope="row">
                {item.name}
                <small className="quiet">
                  <code>{item.sku}</code> · {money(item.priceMinor, sale.currency)}
                </small>
              </th>
              <td data-label="Stock" className="number">
                {count(item.stock)}
                {item.withdrawn > 0 && <small className="quiet">{count(item.withdrawn)} withdrawn</small>}
              </td>
              <td data-label="Sold" className="number">
                {count(item.confirmed)}
              </td>
              <td data-label="On hold" className="number">
                {count(item.held)}
              </td>
              <td data-label="Available" className="number">
                {count(item.available)}
              </td>
              <td className="actions">
                <Action scope="merchant" refusal={over} onClick={() => setAsked({ item, withdraws: false })}>
                  Restock<span className="unseen"> {item.name}</span>
                </Action>
                <Action scope="merchant" refusal={over} onClick={() => setAsked({ item, withdraws: true })}>
                  Withdraw<span className="unseen"> {item.name}</span>
                </Action>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {asked !== null && <Stock saleId={sale.id} {...asked} onClose={() => setAsked(null)} />}
    </section>
  );
}

interface StockProps {
  saleId: string;
  item: Item;
  withdraws: boolean;
  onClose(): void;
}

function Stock({ saleId, item, withdraws, onClose }: StockProps) {
  const [units, setUnits] = useState('');
  const verb = withdraws ? 'Withdraw' : 'Restock';
  const path = `/v1/sales/${encodeURIComponent(saleId)}/items/${encodeURIComponent(item.sku)}/stock`;
  return (
    <Question
      title={`${verb} ${item.name}`}
      yes={`${verb} ${units || 'units'}`}
      onYes={(idempotencyKey) =>
        ask('POST', path, { idempotencyKey, body: { delta: withdraws ? -Number(units) : Number(units) } })
      }
      onClose={onClose}
    >
      <p>
        {withdraws
          ? 'Units that are still available leave the sale, and stay with the house. Those on hold cannot be withdrawn.'
          : 'New units go to those who wait first, then on sale at once.'}{' '}
        {count(item.available)} of {count(item.stock)} are available now.
      </p>
      <Field
        label="Units"
        type="number"
        min={1}
        max={1_000_000_000}
        step={1}
        required
        autoFocus
        value={units}
        onChange={(event) => setUnits(event.target.value)}
      />
    </Question>
  );
}
