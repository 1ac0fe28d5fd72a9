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

/** Whether the numbers are of this second; says so when they are not. What changes every second is not announced. */
export function Freshness({ heard }: { heard: Heard }) {
  const { state, ageSeconds, fault } = heard;
  const isOld = state === 'old';
  const tone = fault !== null ? 'bad' : isOld ? 'warn' : 'plain';
  return (
    <span className={`chip ${tone}`}>
      <span aria-hidden="true" className={tone === 'plain' && state === 'live' ? 'beat' : ''}>
        {{ bad: '✕', warn: '!', plain: '●' }[tone]}
      </span>
      <span role="status">{wordsFor(heard)}</span>
      {isOld && <span>· {span(ageSeconds)} old</span>}
    </span>
  );
}

function wordsFor({ state, fault }: Heard): string {
  if (fault !== null) return faults[fault] ?? 'The console cannot look';
  if (state === 'old') return 'Numbers are old: connecting again';
  return state === 'live' ? 'Live' : 'Connecting';
}
