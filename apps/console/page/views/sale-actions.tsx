import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { ask, messageOf } from '../ask.ts';
import { count, isoOfInput, localInput, money } from '../numbers.ts';
import { Action } from '../parts/action.tsx';
import { Field } from '../parts/field.tsx';
import { Complaint } from '../parts/notice.tsx';
import { Question } from '../parts/question.tsx';
import type { KeyScope, SaleGlanceRecord, SaleStatus } from '../records.ts';

type Verb =
  | 'open'
  | 'pause'
  | 'resume'
  | 'close'
  | 'settle'
  | 'cancel'
  | 'schedule'
  | 'lobby'
  | 'extend-holds';

/** What makes sense in each state, the likeliest first. The console refuses the rest anyway. */
const verbsIn: Record<SaleStatus, Verb[]> = {
  draft: ['open', 'schedule', 'lobby', 'cancel'],
  scheduled: ['open', 'lobby', 'close', 'cancel'],
  lobby: ['open', 'close', 'cancel'],
  open: ['pause', 'extend-holds', 'close', 'cancel'],
  paused: ['resume', 'extend-holds', 'close', 'cancel'],
  closed: ['open', 'extend-holds', 'settle', 'cancel'],
  settled: [],
  cancelled: ['settle'],
};

const words: Record<Verb, string> = {
  open: 'Open',
  pause: 'Pause',
  resume: 'Resume',
  close: 'Close …',
  settle: 'Settle …',
  cancel: 'Cancel the sale …',
  schedule: 'Schedule …',
  lobby: 'Open the lobby …',
  'extend-holds': 'More time for all …',
};

/** As the console asks for them. */
const scopeOf = (verb: Verb): KeyScope => (verb === 'cancel' || verb === 'settle' ? 'merchant' : 'operate');

export function SaleActions({ sale }: { sale: SaleGlanceRecord }) {
  const [asked, setAsked] = useState<Verb | null>(null);
  const path = `/v1/sales/${encodeURIComponent(sale.id)}`;
  const queries = useQueryClient();
  const told = () => queries.invalidateQueries({ queryKey: ['sales'] });
  const moving = useMutation({
    mutationFn: (verb: Verb) => ask('POST', `${path}/${verb}`, { idempotencyKey: crypto.randomUUID() }),
    onSuccess: told,
  });
  const needsQuestion = (verb: Verb) =>
    !['open', 'pause', 'resume'].includes(verb) || (verb === 'open' && sale.status === 'lobby');
  const verbs = verbsIn[sale.status];
  return (
    <>
      <div className="buttons" role="group" aria-label="What can be done">
        {verbs.map((verb, index) => (
          <Action
            key={verb}
            scope={scopeOf(verb)}
            kind={verb === 'cancel' ? 'danger' : index === 0 ? 'primary' : 'plain'}
            busy={moving.isPending && moving.variables === verb}
            onClick={() => (needsQuestion(verb) ? setAsked(verb) : moving.mutate(verb))}
          >
            {verb === 'open' && sale.status === 'closed'
              ? 'Open again'
              : verb === 'open' && sale.status === 'lobby'
                ? 'Draw and open …'
                : words[verb]}
          </Action>
        ))}
      </div>
      {moving.isError && <Complaint>{messageOf(moving.error)}</Complaint>}
      {asked !== null && (
        <Asked verb={asked} sale={sale} path={path} onClose={() => setAsked(null)} onDone={told} />
      )}
    </>
  );
}

interface AskedProps {
  verb: Verb;
  sale: SaleGlanceRecord;
  path: string;
  onClose(): void;
  onDone(): Promise<unknown>;
}

function Asked({ verb, sale, path, onClose, onDone }: AskedProps) {
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

function Schedule({ sale, path, onClose, onDone }: Omit<AskedProps, 'verb'>): ReactNode {
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
