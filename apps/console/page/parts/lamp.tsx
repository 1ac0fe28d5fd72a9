import type { AuditVerdictRecord } from '../records.ts';
import { span } from '../numbers.ts';
import { lawWord } from '../words.ts';

/** A verdict this old says how it was, not how it is. */
const oldAfterSeconds = 60;

export type LampState = 'good' | 'bad' | 'unknown';

/** Green only when every law was just checked and the console is heard; a broken law stays red until it holds. */
export function lampState(audit: AuditVerdictRecord | null, isHeard: boolean, now: number): LampState {
  if (audit === null) return 'unknown';
  if (!audit.ok) return 'bad';
  return isHeard && ageSeconds(audit, now) <= oldAfterSeconds ? 'good' : 'unknown';
}

function ageSeconds(audit: AuditVerdictRecord, now: number): number {
  return Math.max(0, (now - Date.parse(audit.at)) / 1_000);
}

const signs: Record<LampState, string> = { good: '✓', bad: '✕', unknown: '?' };

interface LampProps {
  audit: AuditVerdictRecord | null;
  isHeard: boolean;
  /** The time of the console's last word, so that a clock that is wrong here does not matter. */
  now: number;
}

export function Lamp({ audit, isHeard, now }: LampProps) {
  const state = lampState(audit, isHeard, now);
  return (
    <p className={`lamp ${state}`} data-lamp={state}>
      <span className="bulb" aria-hidden="true">
        {signs[state]}
      </span>
      <span role="status">{sentence(state, audit)}</span>
      {audit !== null && (
        <small className="quiet">checked {span(Math.floor(ageSeconds(audit, now)))} ago</small>
      )}
    </p>
  );
}

function sentence(state: LampState, audit: AuditVerdictRecord | null): string {
  if (audit === null) return 'Not audited yet';
  if (state === 'unknown') return `All ${audit.checks} laws held`;
  if (state === 'good') return `All ${audit.checks} laws hold`;
  const [first] = audit.broken;
  const more = audit.broken.length - 1;
  return `Broken: ${first === undefined ? 'a law' : lawWord(first.name)}${more > 0 ? ` and ${more} more` : ''}`;
}
