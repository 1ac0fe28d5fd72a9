import { count } from '../numbers.ts';
import type { SaleGlanceRecord } from '../records.ts';
import { reasonWord } from '../words.ts';

/** Who was refused, and why: at the gate, where they only count, and by the ledger, after a ticket. */
export function SaleRefusals({ sale }: { sale: SaleGlanceRecord }) {
  const atGate = Object.entries(sale.refusals);
  const byLedger = Object.entries(sale.rejections);
  const most = Math.max(1, ...atGate.map(([, times]) => times), ...byLedger.map(([, times]) => times));
  const row = (reason: string, times: number, where: string) => (
    <tr key={`${where} ${reason}`}>
      <th scope="row">
        {reasonWord(reason)}
        <small className="quiet">{where}</small>
      </th>
      <td className="grow" aria-hidden="true">
        <span className="share" style={{ inlineSize: `${(times / most) * 100}%` }} />
      </td>
      <td className="number">{count(times)}</td>
    </tr>
  );
  return (
    <section className="card">
      <h2>Refused</h2>
      {atGate.length + byLedger.length === 0 ? (
        <p className="quiet">Nobody so far.</p>
      ) : (
        <table className="bars">
          <tbody>
            {atGate.map(([reason, times]) => row(reason, times, 'at the gate'))}
            {byLedger.map(([reason, times]) => row(reason, times, 'after a ticket'))}
          </tbody>
        </table>
      )}
    </section>
  );
}
