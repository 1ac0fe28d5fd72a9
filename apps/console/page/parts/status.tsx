import type { Heard } from '../stream.ts';
import { span } from '../numbers.ts';
import type { SaleStatus } from '../records.ts';
import { saleStatusWords, ticketStatusWord } from '../words.ts';

const saleTones: Record<SaleStatus, string> = {
  draft: 'plain',
  scheduled: 'accent',
  lobby: 'accent',
  open: 'good',
  paused: 'warn',
  closed: 'plain',
  settled: 'plain',
  cancelled: 'bad',
};
const saleSigns: Record<SaleStatus, string> = {
  draft: '○',
  scheduled: '◷',
  lobby: '◔',
  open: '●',
  paused: 'Ⅱ',
  closed: '■',
  settled: '✓',
  cancelled: '✕',
};

export function SaleStatusChip({ status }: { status: SaleStatus }) {
  return (
    <span className={`chip ${saleTones[status]}`}>
      <span aria-hidden="true">{saleSigns[status]}</span> {saleStatusWords[status]}
    </span>
  );
}

const ticketTones: Record<string, string> = {
  held: 'accent',
  confirmed: 'good',
  refund_due: 'bad',
  paid_late: 'warn',
  waitlisted: 'warn',
};

export function TicketStatusChip({ status }: { status: string }) {
  return <span className={`chip ${ticketTones[status] ?? 'plain'}`}>{ticketStatusWord(status)}</span>;
}

const faults: Record<string, string> = {
  ledger_unavailable: 'The ledger (Postgres) does not answer',
  gate_unavailable: 'The gate (Redis) does not answer',
};

/** Whether the numbers are of this second; says so when they are not. */
export function Freshness({ heard }: { heard: Heard }) {
  const { state, ageSeconds, fault } = heard;
  if (fault !== null)
    return (
      <span className="chip bad" role="status">
        <span aria-hidden="true">✕</span> {faults[fault] ?? 'The console cannot look'}
        {state === 'old' && `: numbers are ${span(ageSeconds)} old`}
      </span>
    );
  if (state === 'old')
    return (
      <span className="chip warn" role="status">
        <span aria-hidden="true">!</span> Numbers are {span(ageSeconds)} old: connecting again
      </span>
    );
  return (
    <span className="chip plain" role="status">
      <span aria-hidden="true" className={state === 'live' ? 'beat' : ''}>
        ●
      </span>{' '}
      {state === 'live' ? 'Live' : 'Connecting'}
    </span>
  );
}
