/** Requests that were never meant well, for tests of what a server bears. */
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';

/** Stands in everything that is sent, and must stand in nothing that comes back. */
export const mark = 'Zq7MaRk';

/** So many of them, the same for the same seed. The sale that they are about is `sale-1`. */
export function malformedRequests(count: number, seed: number): Buffer[] {
  return fc.sample(anyRequest(), { numRuns: count, seed });
}

/** Requests each of which is wrong in at least one way; the rest of each is as right as can be. */
function anyRequest(): fc.Arbitrary<Buffer> {
  const marked = fc.string({ maxLength: 30, unit: 'grapheme' }).map((text) => `${mark}${text}`);
  const value = fc.oneof(
    marked,
    fc.constantFrom(null, true, 0, -1, 1.5, [], {}),
    fc.array(marked, { maxLength: 3 }),
  );
  const notAText = fc.oneof(
    fc.constantFrom<unknown>(null, 7, true, '', [], {}, '\u0000', `${mark}\u0007`, '\ud800'),
    marked.map((text) => text.padEnd(400, 'x')),
  );
  const badQuantity = fc.constantFrom<unknown>(0, -1, 0.5, 1e300, '1', null, mark, [1], {});
  const line = { sku: 'tee', quantity: 1 };

  const wrongFields = fc.oneof(
    notAText.map((buyerId) => ({ buyerId })),
    fc.record({
      buyerId: marked,
      lines: fc.oneof(
        fc.constantFrom<unknown>(null, [], {}, 'tee', [line, line], [[]]),
        fc.array(value, { minLength: 1, maxLength: 4 }),
      ),
    }),
    fc.record({ buyerId: marked, lines: badQuantity.map((quantity) => [{ sku: 'tee', quantity }]) }),
    fc.record({ buyerId: marked, lines: notAText.map((sku) => [{ sku, quantity: 1 }]) }),
    fc.tuple(marked, marked, value).map(([buyerId, field, more]) => ({ buyerId, [field]: more })),
    fc.constant(JSON.parse('{"buyerId":"b","__proto__":{"lines":[]},"constructor":1}')),
    value,
  );
  const noJson = fc.oneof(
    marked.map((text) => `{"buyerId":"${text.replace(/["\\\n\r]/g, '')}"`),
    marked.map((text) => `${mark}${text}`),
    fc.constantFrom(
      '',
      '{',
      '[[[[',
      '{"buyerId":}',
      '{buyerId:1}',
      'NaN',
      '\ufeff{"buyerId":"b"}',
      '['.repeat(16_000),
    ),
  );
  const noUtf8 = fc.constantFrom(
    Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
    Buffer.from('{"buyerId":"\xe9"}', 'latin1'),
  );
  const reservations = '/v1/sales/sale-1/reservations';
  const right = JSON.stringify({ buyerId: mark, lines: [line] });
  const pathPart = marked.map((text) => encodeURIComponent(text.toWellFormed()));
  const method = fc.constantFrom('PUT', 'PATCH', 'DELETE', 'TRACE');
  const noTicket = fc.oneof(
    pathPart,
    pathPart.map((part) => `0-sale-1-${part}`),
    fc.constantFrom('%00', '..%2f..', '0-sale-1-aaaaaaaaaaaaaaaaaaaaaa', '%ff%fe'),
  );
  const verb = fc.constantFrom('confirm', 'cancel', 'extend');
  const badKey = fc.constantFrom(`"${mark}`, '', '""', mark.repeat(60), `${mark}\t1`, `${mark}\u00e9`);

  return fc.oneof(
    wrongFields.map((body) => request('POST', reservations, JSON.stringify(body))),
    noJson.map((body) => request('POST', reservations, body)),
    noUtf8.map((body) => request('POST', reservations, body)),
    fc
      .constantFrom('text/plain', `${mark}/x`, 'application/xml', 'multipart/form-data; boundary=x', '')
      .map((type) => request('POST', reservations, right, { 'Content-Type': type })),
    fc
      .constantFrom('gzip', 'br', mark)
      .map((encoding) => request('POST', reservations, right, { 'Content-Encoding': encoding })),
    badKey.map((key) => request('POST', reservations, right, { 'Idempotency-Key': key })),
    fc
      .integer({ min: 16_385, max: 40_000 })
      .map((length) => request('POST', reservations, `{"buyerId":"${mark.padEnd(length, 'x')}"}`)),
    fc.integer({ min: 16_385, max: 40_000 }).map((length) => chunked(reservations, mark.padEnd(length, 'y'))),
    marked.map((sku) =>
      request(
        'POST',
        reservations,
        JSON.stringify({ buyerId: 'b', lines: [{ sku, quantity: 1 }] }).toWellFormed(),
      ),
    ),
    pathPart.map((part) => request('POST', `/v1/sales/${part}/reservations`, right)),
    pathPart.map((part) => request('GET', `/v1/sales/${part}${part.length % 2 === 0 ? '' : '/events'}`)),
    noTicket.map((part) =>
      request('GET', `/v1/tickets/${part}`, undefined, { 'If-None-Match': mark, 'Last-Event-ID': mark }),
    ),
    noTicket.map((part) => request('GET', `/v1/tickets/${part}/events`)),
    fc
      .tuple(
        noTicket,
        verb,
        fc.oneof(value, fc.record({ paymentRef: notAText }), fc.record({ seconds: badQuantity })),
      )
      .map(([part, name, body]) => request('POST', `/v1/tickets/${part}/${name}`, JSON.stringify(body))),
    fc
      .tuple(method, fc.constantFrom(reservations, '/v1/sales', '/healthz'))
      .map(([name, path]) => request(name, path, right)),
    pathPart.map((part) => request('GET', `/${part}?${part}=${part}`)),
    pathPart.map((part) => request('GET', `/problems/${part}`)),
    marked.map((text) => Buffer.from(`${text}\r\n\r\n`)),
    fc
      .constantFrom(
        `GET /${mark} HTTP/1.1\r\n\r\n`,
        `GET /${mark} HTTP/9.9\r\nHost: x\r\n\r\n`,
        `GET / HTTP/1.1\r\nHost: x\r\n${mark} no colon\r\n\r\n`,
        `GET / HTTP/1.1\r\nHost: ${mark} bad\r\n\r\n`,
        `POST ${reservations} HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n`,
        `POST ${reservations} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
        `GET / HTTP/1.1\r\nHost: x\r\nX: ${mark.repeat(3000)}\r\n\r\n`,
        `POST ${reservations} HTTP/1.1\r\nHost: x\r\nExpect: ${mark}\r\nContent-Length: 0\r\n\r\n`,
        `GET \\${mark} HTTP/1.1\r\nHost: x\r\n\r\n`,
        `GET http://${mark} HTTP/1.1\r\nHost: x\r\n\r\n`,
      )
      .map((text) => Buffer.from(text)),
  );
}

function request(
  method: string,
  path: string,
  body?: string | Buffer,
  headers: Record<string, string> = {},
): Buffer {
  const bytes = Buffer.from(body ?? '');
  const all = {
    Host: 'edge',
    Connection: 'close',
    'Content-Type': 'application/json',
    'Content-Length': String(bytes.length),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return Buffer.concat([
    Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1'),
    bytes,
  ]);
}

function chunked(path: string, body: string): Buffer {
  const head = `POST ${path} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const half = Math.floor(body.length / 2);
  const chunks = [body.slice(0, half), body.slice(half)].map(
    (part) => `${part.length.toString(16)}\r\n${part}\r\n`,
  );
  return Buffer.from(`${head}${chunks.join('')}0\r\n\r\n`, 'latin1');
}

/** One connection, one request; what came back until the other side closed, or until its answer was whole. */
export function exchange(port: number, sent: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (data) => {
      text += data.toString('latin1');
      if (isWhole(text)) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
    socket.setTimeout(30_000, () => socket.destroy());
    socket.write(sent);
  });
}

function isWhole(text: string): boolean {
  const head = text.indexOf('\r\n\r\n');
  const length = /\r\nContent-Length: (\d+)/i.exec(text)?.[1];
  return (
    head >= 0 && length !== undefined && Buffer.byteLength(text.slice(head + 4), 'latin1') >= Number(length)
  );
}
