import { useState } from 'react';
import { ask } from '../ask.ts';
import { dateTime, isoOfInput, localInput, span } from '../numbers.ts';
import { Action } from '../parts/action.tsx';
import { Field, Tick } from '../parts/field.tsx';
import { Question } from '../parts/question.tsx';
import type { SaleGlanceRecord } from '../records.ts';

export function SaleTerms({ sale }: { sale: SaleGlanceRecord }) {
  const [changes, setChanges] = useState(false);
  const over = sale.status === 'settled' || sale.status === 'cancelled' ? 'The sale is over' : null;
  const { extension } = sale;
  return (
    <section className="card">
      <div className="head">
        <h2>Terms</h2>
        <Action scope="merchant" refusal={over} onClick={() => setChanges(true)}>
          Change …
        </Action>
      </div>
      <dl className="facts">
        <dt>Hold</dt>
        <dd>{span(sale.holdSeconds)}</dd>
        <dt>Extensions</dt>
        <dd>
          {extension.times === 0
            ? 'none'
            : `${extension.times} at most, ${span(extension.totalSeconds)} in all`}
        </dd>
        <dt>Units per buyer</dt>
        <dd>{sale.perBuyerLimit ?? 'no limit'}</dd>
        <dt>Waitlist</dt>
        <dd>{sale.waitlist ? 'yes' : 'no'}</dd>
        <dt>Opens</dt>
        <dd>{sale.opensAt === null ? 'by hand' : dateTime(sale.opensAt)}</dd>
        <dt>Closes</dt>
        <dd>{sale.closesAt === null ? 'by hand' : dateTime(sale.closesAt)}</dd>
        {sale.draw !== null && (
          <>
            <dt>Draw</dt>
            <dd>
              {sale.draw.members === null ? 'to come' : `${sale.draw.members} were drawn`},{' '}
              <span className="quiet">seed’s digest</span> <code>{sale.draw.commitment.slice(0, 16)}…</code>
            </dd>
          </>
        )}
        <dt>Buyers reserve at</dt>
        <dd>
          <code>POST /v1/sales/{sale.id}/reservations</code> <span className="quiet">of any edge</span>
        </dd>
      </dl>
      {changes && <Change sale={sale} onClose={() => setChanges(false)} />}
    </section>
  );
}

function Change({ sale, onClose }: { sale: SaleGlanceRecord; onClose(): void }) {
  const [name, setName] = useState(sale.name);
  const [holdMinutes, setHoldMinutes] = useState(String(sale.holdSeconds / 60));
  const [limit, setLimit] = useState(sale.perBuyerLimit === null ? '' : String(sale.perBuyerLimit));
  const [waitlist, setWaitlist] = useState(sale.waitlist);
  const [opens, setOpens] = useState(localInput(sale.opensAt));
  const [closes, setCloses] = useState(localInput(sale.closesAt));
  const body = {
    ...(name !== sale.name && { name }),
    ...(Number(holdMinutes) * 60 !== sale.holdSeconds && {
      holdSeconds: Math.round(Number(holdMinutes) * 60),
    }),
    ...((limit === '' ? null : Number(limit)) !== sale.perBuyerLimit && {
      perBuyerLimit: limit === '' ? null : Number(limit),
    }),
    ...(waitlist !== sale.waitlist && { waitlist }),
    // An input knows minutes; a time that was not touched keeps its seconds.
    ...(opens !== localInput(sale.opensAt) && { opensAt: isoOfInput(opens) }),
    ...(closes !== localInput(sale.closesAt) && { closesAt: isoOfInput(closes) }),
  };
  return (
    <Question
      title="Change the terms"
      yes="Change them"
      onYes={(idempotencyKey) =>
        Object.keys(body).length === 0
          ? Promise.resolve()
          : ask('PATCH', `/v1/sales/${encodeURIComponent(sale.id)}`, { body, idempotencyKey })
      }
      onClose={onClose}
    >
      <p className="quiet">
        Effective at every edge when it is answered. Holds that were given keep their deadline.
      </p>
      <Field
        label="Name"
        required
        maxLength={200}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <div className="fields">
        <Field
          label="Hold, minutes"
          type="number"
          min={0.01}
          max={1_440}
          step="any"
          required
          value={holdMinutes}
          onChange={(event) => setHoldMinutes(event.target.value)}
        />
        <Field
          label="Units per buyer"
          type="number"
          min={1}
          placeholder="no limit"
          value={limit}
          onChange={(event) => setLimit(event.target.value)}
        />
      </div>
      <div className="fields">
        <Field
          label="Opens"
          type="datetime-local"
          value={opens}
          onChange={(event) => setOpens(event.target.value)}
        />
        <Field
          label="Closes"
          type="datetime-local"
          value={closes}
          onChange={(event) => setCloses(event.target.value)}
        />
      </div>
      <Tick label="Waitlist" checked={waitlist} onChange={(event) => setWaitlist(event.target.checked)} />
    </Question>
  );
}
