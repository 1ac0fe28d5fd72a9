/**
 * A shop with the button in its own page: it signs in its customers (here: anybody, by a cookie) and signs a token for
 * each, which the edge believes. Run, in two terminals and in this folder's project:
 *
 *   export BUYER_TOKEN_SECRET=any-secret-of-at-least-32-characters
 *   BUYER_AUTH=jwt CORS_ORIGINS=http://127.0.0.1:8090 npm start
 *   node examples/button/shop.ts          (Node 24; then open http://127.0.0.1:8090)
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';

const { BUYER_TOKEN_SECRET = '', EDGE_URL = 'http://127.0.0.1:8080', PORT = '8090' } = process.env;
if (BUYER_TOKEN_SECRET.length < 32)
  throw new Error('BUYER_TOKEN_SECRET must be the one that the edge was given');
const secret = new TextEncoder().encode(BUYER_TOKEN_SECRET);
const page = readFileSync(new URL('./index.html', import.meta.url), 'utf8').replace('EDGE', EDGE_URL);

/** Who it is, for five minutes; the edge takes the buyer from `sub` and from nowhere else. */
const tokenFor = (customer: string) =>
  new SignJWT({})
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(customer)
    .setExpirationTime('5m')
    .sign(secret);

const server = createServer(async (request, response) => {
  const known = /(?:^|;\s*)customer=([\w-]{1,64})/.exec(request.headers.cookie ?? '')?.[1];
  if (request.url === '/token') {
    if (known === undefined) return response.writeHead(401).end();
    return response.writeHead(200, { 'Cache-Control': 'no-store' }).end(await tokenFor(known));
  }
  if (request.url !== '/') return response.writeHead(404).end();
  const cookie = `customer=${known ?? randomUUID()}; HttpOnly; SameSite=Lax; Path=/`;
  return response
    .writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Set-Cookie': cookie })
    .end(page);
});

server.listen(Number(PORT), '127.0.0.1', () =>
  console.log(`the shop is open: http://127.0.0.1:${(server.address() as AddressInfo).port}`),
);
