import {
  cancelBody,
  confirmBody,
  extendBody,
  insideSchema,
  jsonContent,
  payingTicketSchema,
  type Part,
  problemResponses,
  problemSchema,
  reference,
  reservationBody,
  saleSchema,
  schemaPart,
  ticketSchema,
} from '@holdfast/contracts';

/** The edge's contract as an OpenAPI 3.1 document: paths by hand, shapes from the schemas that check and type them. */
export function edgeDocument(): Part {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast edge',
      version: '1',
      description:
        'Reserve, watch and confirm. Times are ISO 8601 in UTC, money is in minor units, errors are RFC 9457 problems.',
    },
    paths: {
      '/v1/sales': {
        get: call('List the sales', {
          200: answer('The sales', {
            type: 'object',
            properties: { sales: { type: 'array', items: reference('Sale') } },
            required: ['sales'],
          }),
          ...problemResponses('gate_unavailable'),
        }),
      },
      '/v1/inside': {
        get: call('What this edge and the gate have done, in sums', {
          200: answer('The sums; cacheable for 1 s', reference('Inside')),
          ...problemResponses('gate_unavailable'),
        }),
      },
      '/v1/sales/{saleId}': {
        parameters: [saleId],
        get: call('Read a sale', {
          200: answer('The sale; cacheable for 1 s', reference('Sale')),
          ...problemResponses('unknown_sale', 'gate_unavailable'),
        }),
      },
      '/v1/sales/{saleId}/events': {
        parameters: [saleId],
        get: call('Follow a sale: the whole sale, then its changes, at most 4 a second', {
          200: stream,
          ...problemResponses('unknown_sale', 'gate_unavailable'),
        }),
      },
      '/v1/sales/{saleId}/challenge': {
        parameters: [saleId],
        get: call('What a newcomer solves first, where the sale has a challenge: a new one each time', {
          200: answer(
            'A challenge in the form of ALTCHA 2, which its solvers take; it can be solved and used once, for two minutes',
            challengePart,
          ),
          204: { description: 'The sale asks for none' },
          ...problemResponses('unknown_sale', 'rate_limited', 'gate_unavailable'),
        }),
      },
      '/v1/sales/{saleId}/reservations': {
        parameters: [saleId],
        post: {
          ...call('Reserve', {
            200: answer(
              'The ticket of an earlier request with the same Idempotency-Key; Idempotent-Replayed: true',
              reference('Ticket'),
            ),
            201: answer('With Prefer: wait, held', reference('Ticket')),
            202: answer('Accepted: the ticket, whose address is in Location', reference('Ticket')),
            ...reserveProblems,
          }),
          parameters: [
            idempotencyKey,
            {
              name: 'Prefer',
              in: 'header',
              schema: { type: 'string' },
              description: '`wait=N`: answer when it is decided, after at most N (30) seconds',
            },
            challengeSolution,
          ],
          requestBody: { required: true, content: jsonContent(reference('Reservation')) },
        },
      },
      '/v1/sales/{saleId}/tickets': {
        parameters: [saleId],
        get: call(
          'With BUYER_AUTH=jwt: the tickets of the buyer of the token (another device, a lost page)',
          {
            200: answer('The newest first, at most 200', {
              type: 'object',
              properties: { tickets: { type: 'array', items: reference('Ticket') } },
              required: ['tickets'],
            }),
            ...problemResponses('unauthorized', 'unknown_sale', 'rate_limited', 'gate_unavailable'),
          },
        ),
      },
      '/v1/sales/{saleId}/lobby': {
        parameters: [saleId],
        post: {
          ...call(
            'Join the lobby, once per buyer: at the opening its members are drawn before everyone else',
            {
              200: answer(
                'The ticket that this buyer has already; Idempotent-Replayed: true',
                reference('Ticket'),
              ),
              202: answer('Accepted: the ticket, whose address is in Location', reference('Ticket')),
              ...problemResponses(
                ...bodyProblems,
                'invalid_quantity',
                'unknown_item',
                'unknown_sale',
                'not_open',
                'invalid_transition',
                'closed',
                'challenge_required',
                'challenge_failed',
                'limit_reached',
                'sold_out',
                'gate_unavailable',
                'ledger_unavailable',
              ),
            },
          ),
          parameters: [challengeSolution],
          requestBody: { required: true, content: jsonContent(reference('Reservation')) },
        },
      },
      '/v1/tickets/{ticketId}': {
        parameters: [ticketId],
        get: {
          ...call('Read a ticket', {
            200: answer('The ticket, with ETag, and Retry-After while it may change', reference('Ticket')),
            304: { description: 'As the ETag in If-None-Match says' },
            ...ticketProblems,
          }),
          parameters: [{ name: 'If-None-Match', in: 'header', schema: { type: 'string' } }, receipt],
        },
      },
      '/v1/tickets/{ticketId}/events': {
        parameters: [ticketId],
        get: {
          ...call('Follow a ticket: the whole ticket, then its changes, until it is final', {
            200: stream,
            204: { description: 'It is final, and Last-Event-ID has its last version' },
            ...ticketProblems,
          }),
          parameters: [{ name: 'Last-Event-ID', in: 'header', schema: { type: 'string' } }, receipt],
        },
      },
      '/v1/tickets/{ticketId}/confirm': command(
        'Confirm a hold: by your word, or, where a provider takes the money, by paying first',
        'Confirm',
        answer(
          'To be paid: the ticket stays held, and its payment confirms it. Without a provider: the ledger takes longer than 5 s',
          { anyOf: [reference('PayingTicket'), reference('Ticket')] },
        ),
      ),
      '/v1/tickets/{ticketId}/cancel': command('Give a ticket back', 'Cancel'),
      '/v1/tickets/{ticketId}/extend': command('Extend a hold', 'Extend'),
      '/v1/payments/{provider}': {
        parameters: [provider],
        post: {
          ...call('What the payment provider has to tell: a signed event, for `stripe` or `fake` as set', {
            200: { description: 'It is safe here, or concerns nobody; anything else: send it again' },
            ...problemResponses(
              'body_too_large',
              'unauthorized',
              'rate_limited',
              'gate_unavailable',
              'ledger_unavailable',
            ),
          }),
          requestBody: { required: true, content: jsonContent({ type: 'object' }) },
        },
      },
      '/v1/payments/fake/{clientSecret}': {
        parameters: [clientSecret],
        get: call('With PAYMENTS=fake: the page at which the buyer of a demo pays', {
          200: { description: 'The page' },
          ...problemResponses('not_found'),
        }),
      },
      '/v1/payments/fake/{clientSecret}/{act}': {
        parameters: [clientSecret, { ...provider, name: 'act', schema: { enum: ['pay', 'fail', 'cancel'] } }],
        post: call('With PAYMENTS=fake: what the buyer of a demo does; a signed event follows from it', {
          200: { description: 'The event was sent and is safe' },
          ...problemResponses('not_found', 'gate_unavailable', 'ledger_unavailable'),
        }),
      },
      '/healthz': { get: call('Whether the process lives', { 200: { description: 'It does' } }) },
      '/readyz': {
        get: call('Whether it can serve, and its dependencies', {
          200: { description: 'It can' },
          503: { description: 'It cannot' },
        }),
      },
      '/metrics': { get: call('Metrics for Prometheus', { 200: { description: 'Text format 0.0.4' } }) },
    },
    components: {
      schemas: {
        Ticket: schemaPart(ticketSchema),
        PayingTicket: schemaPart(payingTicketSchema),
        Sale: schemaPart(saleSchema),
        Inside: schemaPart(insideSchema),
        Reservation: schemaPart(reservationBody, 'input'),
        Confirm: schemaPart(confirmBody, 'input'),
        Cancel: schemaPart(cancelBody, 'input'),
        Extend: schemaPart(extendBody, 'input'),
        Problem: schemaPart(problemSchema),
      },
    },
  };
}

const saleId = { name: 'saleId', in: 'path', required: true, schema: { type: 'string' } };
const ticketId = { name: 'ticketId', in: 'path', required: true, schema: { type: 'string' } };
const provider = { name: 'provider', in: 'path', required: true, schema: { type: 'string' } };
const clientSecret = { name: 'clientSecret', in: 'path', required: true, schema: { type: 'string' } };
const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  schema: { type: 'string' },
  description: '1 to 255 printable characters, quoted or not: the same key is carried out once',
};
const challengeSolution = {
  name: 'Challenge-Solution',
  in: 'header',
  schema: { type: 'string', maxLength: 2048 },
  description:
    'Where the sale has a challenge: base64 of the JSON `{challenge: {parameters, signature}, solution: {counter, derivedKey}}`. Counts once; the same request again with the same Idempotency-Key may bring it again, or none',
};
const challengePart = {
  type: 'object',
  required: ['kind', 'parameters', 'signature'],
  properties: {
    kind: { const: 'proof_of_work' },
    parameters: {
      type: 'object',
      description:
        'Find the counter (0 on) for which PBKDF2 of nonce and counter (32 bits, big-endian), with salt, cost and keyLength, begins with keyPrefix',
    },
    signature: { type: 'string' },
  },
};
const stream = {
  description: 'Server-sent events',
  content: { 'text/event-stream': { schema: { type: 'string' } } },
};
const bodyProblems = ['body_too_large', 'unsupported_media_type', 'invalid_body'] as const;
const receipt = {
  name: 'Ticket-Receipt',
  in: 'header',
  description:
    'The receipt of the ticket. Where a disk or a replica lost what it had acknowledged, its buyer is told so with it (`ticket_lost`) instead of `unknown_ticket`.',
  schema: { type: 'string' },
};
const ticketProblems = problemResponses('unknown_ticket', 'ticket_lost', 'gate_unavailable');
const reserveProblems = problemResponses(
  ...bodyProblems,
  'invalid_quantity',
  'unknown_item',
  'idempotency_mismatch',
  'unknown_sale',
  'sold_out',
  'not_open',
  'paused',
  'closed',
  'limit_reached',
  'challenge_required',
  'challenge_failed',
  'rate_limited',
  'gate_unavailable',
  'ledger_unavailable',
);

function call(summary: string, responses: Record<string | number, Part>): Part {
  return { summary, responses };
}

function answer(description: string, schema: Part): Part {
  return { description, content: jsonContent(schema) };
}

function command(
  summary: string,
  body: string,
  accepted: Part = answer('Accepted; the ledger takes longer than 5 s', reference('Ticket')),
): Part {
  return {
    parameters: [ticketId, idempotencyKey],
    post: {
      ...call(summary, {
        200: answer('Done; the same call again gets the same answer', reference('Ticket')),
        202: accepted,
        ...problemResponses(
          ...bodyProblems,
          'unknown_ticket',
          'not_open',
          'sold_out',
          'hold_expired',
          'already_confirmed',
          'already_cancelled',
          'extension_limit',
          'rate_limited',
          'gate_unavailable',
          'ledger_unavailable',
          'payment_unavailable',
        ),
      }),
      requestBody: { required: false, content: jsonContent(reference(body)) },
    },
  };
}
