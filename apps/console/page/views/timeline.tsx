import { clockTime, span } from '../numbers.ts';
import type { StoryRecord } from '../records.ts';
import { eventWord, reasonWord } from '../words.ts';

/** What happened, in the order of the journal. */
export function Timeline({ story }: { story: StoryRecord }) {
  const start = Date.parse(story.reservedAt);
  return (
    <ol className="timeline">
      <li>
        <time dateTime={story.reservedAt}>{clockTime(story.reservedAt)}</time>
        <div>
          <b>Came to the gate</b>
          <small className="quiet">place {story.seq} in line</small>
        </div>
      </li>
      {story.events.map((event) => (
        <li key={event.position} data-event={event.type}>
          <time dateTime={event.at}>{clockTime(event.at)}</time>
          <div>
            <b>{eventWord(event.type)}</b>
            <small className="quiet">
              {[
                ...factsOf(event.data),
                `+${span(Math.max(0, (Date.parse(event.at) - start) / 1_000))}`,
                `journal ${event.position}`,
              ].join(' · ')}
            </small>
          </div>
        </li>
      ))}
    </ol>
  );
}

function factsOf(data: StoryRecord['events'][number]['data']): string[] {
  return [
    data.expiresAt === undefined ? null : `until ${clockTime(data.expiresAt)}`,
    data.seconds === undefined ? null : `${span(data.seconds)} more`,
    data.paymentRef === undefined ? null : `payment ${data.paymentRef}`,
    data.reason === undefined ? null : reasonWord(data.reason),
    data.place === undefined ? null : `drawn as number ${data.place}`,
  ].filter((fact) => fact !== null);
}
