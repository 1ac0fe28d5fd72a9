/** Two buyers and one piece: two requests at once, by two edges where there are two, and what each was told. */
import {
  createClient,
  isFinal,
  type Client,
  type Refused,
  type Ticket,
  type TicketAnswer,
} from '@holdfast/client';
import { byId, language, pageData, rememberLanguage } from '../shell/page-data.ts';
import type { SiteTexts } from '../site-texts.ts';

const saleId = 'race';
const { race } = pageData<{ race: SiteTexts['race'] }>();
const number = new Intl.NumberFormat(`${language}-u-nu-latn`, { maximumFractionDigits: 1 });
const start = byId('start') as HTMLButtonElement;
const lanes = [...document.querySelectorAll<HTMLElement>('.lane')];

interface Run {
  answer: TicketAnswer;
  ms: number;
}

let round = 0;
rememberLanguage();
const edges = edgesOf();
void edges.then((found) => {
  byId('edges').textContent = found[0] === found[1] ? race.oneEdge : race.twoEdges;
  for (const [index, lane] of lanes.entries()) show(lane, 'edge', new URL(found[index] as string).host);
});
start.addEventListener('click', () => void raceOnce());

/** This edge, and another one where there is one. */
async function edgesOf(): Promise<[string, string]> {
  const answer = await fetch('/v1/inside').catch(() => null);
  const { peers = [] } = answer?.ok === true ? ((await answer.json()) as { peers: string[] }) : {};
  return [location.origin, peers[0] ?? location.origin];
}

async function raceOnce(): Promise<void> {
  start.textContent = race.running;
  start.disabled = true;
  round += 1;
  const thisRound = round;
  try {
    clear();
    const clients = (await edges).map((baseUrl) =>
      createClient({ baseUrl, attempts: 1, timeoutMs: 8_000, fetch: fresh }),
    );
    await run(clients as [Client, Client], thisRound);
  } catch {
    verdict(race.failed);
  } finally {
    start.disabled = false;
    start.textContent = race.again;
    start.focus({ preventScroll: true });
  }
}

async function run(clients: [Client, Client], thisRound: number): Promise<void> {
  const sku = await freePiece(clients[0]);
  if (sku === null) return verdict(race.noRace);
  byId('sku').textContent = sku;
  const startedAt = performance.now();
  const since = () => performance.now() - startedAt;

  // Neither is always sent first: the browser sends them one after the other.
  const order = Math.random() < 0.5 ? [0, 1] : [1, 0];
  const asking: Promise<Run>[] = [];
  for (const index of order) {
    const lane = lanes[index] as HTMLElement;
    show(lane, 'asked', say(race.askedAt, { ms: since() }));
    const request = { buyerId: `race-${crypto.randomUUID()}`, lines: [{ sku, quantity: 1 }] };
    asking[index] = (clients[index] as Client).reserve(saleId, request).then((answer) => {
      const ms = since();
      const isIn = answer.kind === 'ticket';
      show(lane, 'gate', isIn ? say(race.gotPlace, { n: answer.ticket.seq, ms }) : say(race.refused, { ms }));
      return { answer, ms };
    });
  }
  const runs = await Promise.all(asking);
  const winner = runs.findIndex(({ answer }) => answer.kind === 'ticket');
  for (const [index, { answer }] of runs.entries())
    if (answer.kind === 'refused') show(lanes[index] as HTMLElement, 'ledger', race.nothing);

  let held: Ticket | null = null;
  if (winner >= 0) {
    const { answer } = runs[winner] as Run;
    const lane = lanes[winner] as HTMLElement;
    held = await decided(
      clients[winner] as Client,
      (answer as Extract<TicketAnswer, { kind: 'ticket' }>).ticket,
    );
    if (held.status === 'held') show(lane, 'ledger', say(race.held, { ms: since() }));
  }
  const left = await Promise.all(clients.map((client) => leftOf(client, sku)));
  for (const [index, units] of left.entries())
    show(lanes[index] as HTMLElement, 'left', say(race.leftOf, { n: units }));
  byId('track').dataset['winner'] = winner < 0 ? 'none' : String(winner);
  for (const [index, lane] of lanes.entries())
    show(lane, 'outcome', winner < 0 ? race.lost : index === winner ? race.won : race.lost);
  const [a, b] = left as [number, number];
  const ends = a === b ? say(race.same, { n: a }) : say(race.differ, { a, b });
  if (held?.expiresAt == null) return verdict(winner < 0 ? `${race.stranger} ${ends}` : ends);
  await countDown(clients[0], held, ends, thisRound);
}

/** A sale may be kept for a second; here that second would be the whole race. */
function fresh(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  return fetch(input, { ...init, cache: 'no-store' });
}

/** Any piece that is there; a random one, so that two people who race at once seldom meet. */
async function freePiece(client: Client): Promise<string | null> {
  const read = await client.sale(saleId);
  const free = read.kind === 'sale' ? read.sale.items.filter((item) => item.available > 0) : [];
  return free[Math.floor(Math.random() * free.length)]?.sku ?? null;
}

async function leftOf(client: Client, sku: string): Promise<number> {
  const read = await client.sale(saleId);
  if (read.kind === 'refused') throw new Error(read.code);
  return read.sale.items.find((item) => item.sku === sku)?.available ?? Number.NaN;
}

/** The ledger's word. */
async function decided(client: Client, ticket: Ticket): Promise<Ticket> {
  for await (const seen of client.watchTicket(ticket.id)) {
    if (isRefused(seen)) throw new Error(seen.code);
    if (seen.status === 'held' || isFinal(seen.status)) return seen;
  }
  throw new Error('the ticket was not decided');
}

function isRefused(seen: Ticket | Refused): seen is Refused {
  return 'kind' in seen;
}

/** Does not keep the next race waiting: it ends with the hold, or with the next round. */
async function countDown(client: Client, held: Ticket, ends: string, thisRound: number): Promise<void> {
  const read = await client.sale(saleId);
  const clock = read.kind === 'sale' ? Date.parse(read.sale.serverTime) - Date.now() : 0;
  const tick = () => {
    if (round !== thisRound) return;
    const seconds = Math.ceil((Date.parse(held.expiresAt ?? '') - clock - Date.now()) / 1_000);
    byId('track').dataset['left'] = seconds > 0 ? 'taken' : 'back';
    byId('verdict').textContent = `${ends} ${seconds > 0 ? say(race.back, { n: seconds }) : race.isBack}`;
    if (seconds > 0) setTimeout(tick, 1_000);
  };
  // Said once; what counts down is for the eyes.
  byId('verdict').setAttribute('aria-live', 'off');
  tick();
  byId('verdict').setAttribute('aria-live', 'polite');
}

function clear(): void {
  delete byId('track').dataset['winner'];
  delete byId('track').dataset['left'];
  verdict('');
  for (const lane of lanes) {
    for (const step of ['asked', 'gate', 'ledger', 'left']) show(lane, step, race.waiting);
    show(lane, 'outcome', '');
  }
}

function verdict(text: string): void {
  byId('verdict').textContent = text;
}

function show(lane: HTMLElement, what: string, text: string): void {
  const place = lane.querySelector(`[data-show=${what}]`);
  if (place !== null) place.textContent = text;
}

function say(text: string, values: Record<string, number>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => number.format(values[name] as number));
}
