import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask, messageOf } from '../ask.ts';
import { Action } from '../parts/action.tsx';
import { Complaint } from '../parts/notice.tsx';
import type { KeyScope, SaleGlanceRecord, SaleStatus } from '../records.ts';
import { SaleQuestion, type Verb } from './sale-questions.tsx';

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
        <SaleQuestion verb={asked} sale={sale} path={path} onClose={() => setAsked(null)} onDone={told} />
      )}
    </>
  );
}
