import { useState } from 'react';
import { ask } from '../ask.ts';
import { count, isoOfInput, localInput, money } from '../numbers.ts';
import { Field } from '../parts/field.tsx';
import { Question } from '../parts/question.tsx';
import type { SaleGlanceRecord } from '../records.ts';

export type Verb =
  | 'open'
  | 'pause'
  | 'resume'
  | 'close'
  | 'settle'
  | 'cancel'
  | 'schedule'
  | 'lobby'
  | 'extend-holds';

interface SaleQuestionProps {
  verb: Verb;
  sale: SaleGlanceRecord;
  path: string;
  onClose(): void;
  onDone(): Promise<unknown>;
}

/** Says what will happen, with this sale's numbers, and what of it cannot be taken back. */
export function SaleQuestion({ verb, sale, path, onClose, onDone }: SaleQuestionProps) {
  const { counts } = sale;
  const post = (body?: object) => async (idempotencyKey: string) => {
    await ask('POST', `${path}/${verb}`, { body, idempotencyKey });
    await onDone();
  };
  const holds = `${count(counts.held)} ${counts.held === 1 ? 'hold' : 'holds'}`;
  switch (verb) {
    case 'close':
      return (
        <Question title="Close the sale?" yes="Close it" onYes={post()} onClose={onClose}>
          <p>
            Newcomers are refused from now on. {holds} go on until they are paid or lapse.
            {counts.waitlisted > 0 && (
              <>
                {' '}
                <b>{count(counts.waitlisted)} who wait are told that nothing will come</b>, and that cannot be
                taken back.
              </>
            )}
          </p>
          <p className="quiet">A closed sale can be opened again.</p>
        </Question>
      );
    case 'cancel':
      return (
        <Question
          title="Cancel the sale?"
          yes="Cancel it for good"
          kind="danger"
          typed={sale.id}
          onYes={post()}
          onClose={onClose}
        >
          <p>
            <b>This cannot be taken back, and the sale never opens again.</b>
          </p>
          <ul>
            <li>{holds} are given up.</li>
            <li>
              {count(counts.confirmed)} bought reservations are owed their money:{' '}
              <b>{money(sale.money.confirmed, sale.currency)}</b>.
            </li>
            <li>{count(counts.waitlisted)} who wait are told that nothing will come.</li>
          </ul>
        </Question>
      );
    case 'settle':
      return (
        <Question title="Settle the sale?" yes="Settle it" kind="danger" onYes={post()} onClose={onClose}>
          <p>
            <b>A settled sale never changes again.</b> It settles by itself once nobody is left.
          </p>
        </Question>
      );
    case 'open':
      return (
        <Question title="Draw the lobby and open?" yes="Draw and open" onYes={post()} onClose={onClose}>
          <p>
            {count(counts.lobby)} in the lobby get their places in line, in an order that anyone can compute
            again. A draw cannot be taken back.
          </p>
        </Question>
      );
    case 'lobby':
      return (
        <Question title="Open the lobby?" yes="Open the lobby" onYes={post()} onClose={onClose}>
          <p>
            Buyers may come before the opening, and are drawn when it opens
            {sale.opensAt === null ? ' (it has no opening time yet: you open it by hand)' : ''}. The digest of
            the seed is published now, so there is no way back to before the lobby.
          </p>
        </Question>
      );
    case 'schedule':
      return <Schedule sale={sale} path={path} onClose={onClose} onDone={onDone} />;
    case 'extend-holds':
      return <MoreTime holds={holds} post={post} onClose={onClose} />;
    case 'pause':
    case 'resume':
      return null;
  }
}

function MoreTime({
  holds,
  post,
  onClose,
}: {
  holds: string;
  post(body: object): (idempotencyKey: string) => Promise<void>;
  onClose(): void;
}) {
  const [minutes, setMinutes] = useState('10');
  const seconds = Math.round(Number(minutes) * 60);
  return (
    <Question
      title="More time for every open hold"
      yes={`Give ${minutes || '0'} more minutes`}
      onYes={post({ seconds })}
      onClose={onClose}
    >
      <p>
        For the hour when payments are down: {holds} lapse later, and nobody’s own extensions are touched.
        Time that was given cannot be taken back.
      </p>
      <Field
        label="Minutes"
        type="number"
        min={1}
        max={1_440}
        step="any"
        required
        autoFocus
        value={minutes}
        onChange={(event) => setMinutes(event.target.value)}
      />
    </Question>
  );
}

function Schedule({ sale, path, onClose, onDone }: Omit<SaleQuestionProps, 'verb'>) {
  const [opens, setOpens] = useState(localInput(sale.opensAt));
  const [closes, setCloses] = useState(localInput(sale.closesAt));
  return (
    <Question
      title="Schedule the sale"
      yes="Schedule it"
      onYes={async (idempotencyKey) => {
        const body = { opensAt: isoOfInput(opens), closesAt: isoOfInput(closes) };
        await ask('PATCH', path, { body, idempotencyKey });
        await ask('POST', `${path}/schedule`, { idempotencyKey });
        await onDone();
      }}
      onClose={onClose}
    >
      <p>It opens and closes by itself, by the gate’s clock. Times are those of this browser.</p>
      <Field
        label="Opens"
        type="datetime-local"
        required
        autoFocus
        value={opens}
        onChange={(event) => setOpens(event.target.value)}
      />
      <Field
        label="Closes"
        type="datetime-local"
        value={closes}
        onChange={(event) => setCloses(event.target.value)}
        hint="Left out, it closes when you close it"
      />
    </Question>
  );
}
