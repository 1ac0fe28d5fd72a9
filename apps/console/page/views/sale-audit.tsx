import { useMutation } from '@tanstack/react-query';
import { ask, messageOf } from '../ask.ts';
import { clockTime, milliseconds } from '../numbers.ts';
import { Action } from '../parts/action.tsx';
import { Complaint } from '../parts/notice.tsx';
import type { AuditRecord, AuditVerdictRecord } from '../records.ts';
import { incidentWords, lawWord } from '../words.ts';

/** The laws one by one, as they are found when somebody asks. */
export function SaleAudit({ saleId, audit }: { saleId: string; audit: AuditVerdictRecord | null }) {
  const looking = useMutation({
    mutationFn: () => ask<AuditRecord>('GET', `/v1/sales/${encodeURIComponent(saleId)}/audit`),
  });
  const checks = looking.data?.checks ?? audit?.broken ?? [];
  const incidents = looking.data?.incidents ?? audit?.incidents ?? [];
  return (
    <section className="card table-card">
      <div className="head">
        <h2>Audit</h2>
        <Action busy={looking.isPending} onClick={() => looking.mutate()}>
          Check now
        </Action>
      </div>
      <p className="quiet">
        Every law of this sale, held against journal, rows and gate.
        {audit !== null &&
          ` Last checked by itself at ${clockTime(audit.at)}, ${audit.checks} laws in ${milliseconds(audit.tookMs)}.`}
      </p>
      {looking.isError && <Complaint>{messageOf(looking.error)}</Complaint>}
      {checks.length > 0 && (
        <table className="laws">
          <thead>
            <tr>
              <th>Law</th>
              <th>Expected</th>
              <th>Is</th>
            </tr>
          </thead>
          <tbody>
            {[...checks]
              .sort((left, right) => Number(left.ok) - Number(right.ok))
              .map((check) => (
                <tr key={check.name} className={check.ok ? '' : 'bad'}>
                  <th scope="row">
                    <span className={check.ok ? 'good-sign' : 'bad-sign'} aria-hidden="true">
                      {check.ok ? '✓' : '✕'}
                    </span>{' '}
                    {lawWord(check.name)}
                    <span className="unseen">{check.ok ? ' holds' : ' is broken'}</span>
                  </th>
                  <td data-label="Expected">{shortened(check.expected)}</td>
                  <td data-label="Is">{shortened(check.actual)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      )}
      {incidents.length > 0 && (
        <>
          <h3>What was not as it should be</h3>
          <ol className="timeline">
            {[...incidents].reverse().map((incident) => (
              <li key={incident.position} data-event={incident.type}>
                <time dateTime={incident.at}>{clockTime(incident.at)}</time>
                <div>
                  <b>{incidentWords(incident)}</b>
                  <small className="quiet">journal {incident.position}</small>
                </div>
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}

/** A digest says as much by its beginning. */
function shortened(value: string | number): string {
  const text = String(value);
  return /^[0-9a-f]{40,64}$/.test(text) ? `${text.slice(0, 12)}…` : text;
}

/** The rest stands in the audit. */
const mostBroken = 3;

/** Above everything else, for as long as it is so. */
export function BrokenLaws({ audit }: { audit: AuditVerdictRecord }) {
  return (
    <section className="broken" role="alert">
      <h2>
        {audit.broken.length === 1
          ? 'A law of this sale is broken'
          : `${audit.broken.length} laws of this sale are broken`}
      </h2>
      <ul>
        {audit.broken.slice(0, mostBroken).map(({ name, expected, actual }) => (
          <li key={name}>
            <b>{lawWord(name)}</b>: expected {expected}, is {actual} <code>{name}</code>
          </li>
        ))}
        {audit.broken.length > mostBroken && (
          <li>and {audit.broken.length - mostBroken} more, in the audit below</li>
        )}
      </ul>
      <p>Pause the sale, keep the journal, and find out before anybody else buys.</p>
    </section>
  );
}
