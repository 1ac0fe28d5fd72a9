import { eventFrame, queuesRecord } from '@holdfast/contracts';
import { type ConsoleContext, json, streamed } from '../answers.ts';
import { faultCode } from '../faults.ts';
import type { ConsoleParts } from '../parts.ts';
import { pause } from '../pause.ts';
import type { Route } from '../routes.ts';

export function queueRoutes(parts: ConsoleParts): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/queues',
      scope: 'read',
      handle: async () => json(200, queuesRecord(await parts.queues.look())),
    },
    { method: 'GET', path: '/v1/queues/events', scope: 'read', handle: (c) => events(c, parts) },
  ];
}

const everyMs = 1_000;

function events(c: ConsoleContext, parts: ConsoleParts): Response {
  const gone = AbortSignal.any([c.req.raw.signal, parts.stopping]);
  return streamed(frames(parts, gone, c.get('stillAllowed')), 'text/event-stream', {
    'X-Accel-Buffering': 'no',
  });
}

/** One frame a second until the reader goes or the process stops. While a store is away, comments keep the stream open. */
async function* frames(
  { queues, log }: ConsoleParts,
  gone: AbortSignal,
  stillAllowed: () => Promise<boolean>,
): AsyncGenerator<string> {
  for (let id = 1; !gone.aborted && (await stillAllowed()); id++) {
    try {
      yield eventFrame('queues', id, JSON.stringify(queuesRecord(await queues.look())));
    } catch (error) {
      log.warn({ err: error }, 'the queues could not be looked at');
      yield `: ${faultCode(error)}\n\n`;
    }
    await pause(everyMs, gone);
  }
}
