import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask } from '../ask.ts';
import { Action } from '../parts/action.tsx';
import { Question } from '../parts/question.tsx';
import type { StoryRecord } from '../records.ts';

/** What only the merchant may do to a ticket. */
export function TicketActions({ story, total }: { story: StoryRecord; total: string | null }) {
  const queries = useQueryClient();
  const [asked, setAsked] = useState<'return' | 'refunded' | null>(null);
  const post = (verb: 'return' | 'refunded') => async (idempotencyKey: string) => {
    await ask('POST', `/v1/tickets/${encodeURIComponent(story.id)}/${verb}`, { idempotencyKey });
    await queries.invalidateQueries({ queryKey: ['ticket', story.id] });
  };
  const close = () => setAsked(null);
  return (
    <div className="buttons">
      <Action
        scope="merchant"
        refusal={story.status === 'confirmed' ? null : 'Only what was bought can be taken back'}
        onClick={() => setAsked('return')}
      >
        Take back …
      </Action>
      <Action
        scope="merchant"
        refusal={story.status === 'refund_due' ? null : 'No refund is due'}
        onClick={() => setAsked('refunded')}
      >
        Money went back …
      </Action>
      {asked === 'return' && (
        <Question
          title="Take this back?"
          yes="Take it back"
          kind="danger"
          onYes={post('return')}
          onClose={close}
        >
          <p>
            Its units go on sale again at once, perhaps to somebody else: <b>it cannot be taken back.</b>
            {total !== null && ` ${total} were paid; returning them is done with your payment provider.`}
          </p>
        </Question>
      )}
      {asked === 'refunded' && (
        <Question title="The money went back?" yes="It went back" onYes={post('refunded')} onClose={close}>
          <p>
            This only writes down that {total ?? 'the money'} was returned to {story.buyerId}. It moves no
            money, and cannot be taken back.
          </p>
        </Question>
      )}
    </div>
  );
}
