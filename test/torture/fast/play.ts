/** Plays one schedule, lets the sale come to rest, and collects the evidence. */
import { setTimeout as delay } from 'node:timers/promises';
import type { CommandRequest, EdgeGate, Outcome, ReserveRequest, Ticket } from '@holdfast/core';
import { refuse } from '@holdfast/core';
import type { Desk, DeskAnswer } from '@holdfast/pipeline';
import {
  type Asking,
  type Deed,
  type EdgeName,
  type ProcessName,
  processNames,
  type Schedule,
  type Sku,
  skus,
  type Step,
  type WorkerName,
} from './schedule.ts';
import { sentence, type Shop } from './shop.ts';
import type { Ended } from './simulated.ts';
import {
  answered,
  answeredSale,
  answeredTicket,
  broke,
  createWitness,
  now,
  type Operation,
  refused,
} from './witness.ts';

export interface Played {
  saleId: string;
  history: Operation[];
  faults: Disturbance[];
  story: string[];
  /** Why it did not come to an end by itself; null when it did. */
  stuck: string | null;
  demandWasEnough: boolean;
  closedAtRest: boolean;
}

export interface Disturbance {
  at: number;
  until: number | null;
  kind: string;
  target: string;
  detail: string;
  losesAcknowledged: boolean;
}

/** How long a deed may take before whatever is frozen is thawed, and before it counts as stuck. */
const patienceMs = 300;
const stuckMs = 60_000;
const consolePatienceMs = 3_000;
/** Sweeps, each of which finds what stood still since the one before. */
const maxSweeps = 40;
const maxNewcomers = 30;
/** Longer than an edge takes to look by itself. */
const lookAgainMs = 50;
const maxLooks = 100;

interface Stage {
  shop: Shop;
  schedule: Schedule;
  saleId: string;
  history: ReturnType<typeof createWitness>;
  story: string[];
  faults: Disturbance[];
  requests: { request: ReserveRequest; edge: EdgeName }[];
  /** Tickets that buyers know of, and who gave each. */
  tickets: string[];
  givenBy: Map<string, EdgeName>;
  told: CommandRequest[];
  /** Commands that have their place and no outcome yet. */
  waiting: { operation: Operation; edge: EdgeName; commandId: string }[];
  besides: Set<Promise<void>>;
  number: number;
}

export async function play(shop: Shop, schedule: Schedule, saleId: string): Promise<Played> {
  const story: string[] = [];
  await shop.begin((line) => void story.push(`      ${line}`));
  const stage: Stage = {
    shop,
    schedule,
    saleId,
    history: createWitness(saleId),
    story,
    // No worker does anything by itself here, so nothing is late; but too early is too early.
    faults: [
      {
        at: now(),
        until: null,
        kind: 'stepped',
        target: 'workers',
        detail: 'they work when the schedule says so',
        losesAcknowledged: false,
      },
    ],
    requests: [],
    tickets: [],
    givenBy: new Map(),
    told: [],
    waiting: [],
    besides: new Set(),
    number: 0,
  };
  let stuck: string | null = null;
  let demandWasEnough = false;
  // Without a sale there is nothing to judge.
  await openSale(stage);
  try {
    for (const [index, step] of schedule.steps.entries()) {
      stage.number = index + 1;
      await takeStep(stage, step);
    }
    await recover(stage);
    await everyoneLooks(stage);
    if (schedule.sellsOut) demandWasEnough = await sellOut(stage);
    if (schedule.closes) await closeSale(stage);
    await everyoneLooks(stage);
    await answerWaiting(stage, true);
  } catch (error) {
    stuck = sentence(error as Error);
  }
  for (const fault of stage.faults) fault.until ??= now();
  return {
    saleId,
    history: stage.history.history,
    faults: stage.faults,
    story,
    stuck,
    demandWasEnough,
    closedAtRest: schedule.closes,
  };
}

async function openSale({ shop, schedule: { terms }, saleId }: Stage): Promise<void> {
  const items = skus.flatMap((sku) => {
    const stock = terms.stock[sku];
    if (stock === undefined) return [];
    return [{ sku, name: sku, description: null, imageUrl: null, priceMinor: 100, stock }];
  });
  const ended = await shop.as('console', ({ desk }) =>
    desk.create(
      {
        id: saleId,
        name: 'A small sale',
        status: 'open',
        opensAt: null,
        closesAt: null,
        holdSeconds: terms.holdSeconds,
        perBuyerLimit: terms.perBuyerLimit,
        currency: 'EUR',
        waitlist: terms.waitlist,
        extension: { times: terms.extensions, totalSeconds: 3_600 },
        items,
      },
      null,
    ),
  );
  if (ended.kind === 'failed') throw new Error('there is no sale', { cause: ended.error });
  if (ended.kind !== 'done' || ended.answer.kind !== 'done')
    throw new Error(`there is no sale: ${JSON.stringify(ended)}`);
}

async function takeStep(stage: Stage, { fault, deed, beside }: Step): Promise<void> {
  const { shop, story } = stage;
  story.push(`${String(stage.number).padStart(3)} ${tell(deed)}${beside ? ', beside' : ''}`);
  if (fault !== null) {
    const process = shop.process(fault.process);
    await shop.start(fault.process);
    if (!process.isFrozen()) process.arm(fault);
  }
  const name = processOf(deed);
  const work: Promise<void> = (name === null ? disturb(stage, deed) : doDeed(stage, deed)).finally(() =>
    stage.besides.delete(work),
  );
  stage.besides.add(work);
  if (beside && name !== null) return;
  const isOver = await inTime(work, patienceMs, name === null ? undefined : shop.process(name).stuck());
  if (isOver !== 'late') return;
  // Somebody frozen has what this one needs.
  if (!(await comesToAnEnd(stage, work))) throw new Error(`${tell(deed)} does not come to an end`);
}

function tell({ do: what, ...rest }: Deed): string {
  return `${what} ${JSON.stringify(rest)}`;
}

async function inTime(
  work: Promise<unknown>,
  milliseconds: number,
  orElse?: Promise<void>,
): Promise<'over' | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, milliseconds, 'late');
  });
  const over = [work, ...(orElse === undefined ? [] : [orElse])].map((one) =>
    one.then(() => 'over' as const),
  );
  return Promise.race([...over, late]).finally(() => clearTimeout(timer));
}

/** Nothing breaks meanwhile, and nobody is frozen. */
async function comesToAnEnd({ shop }: Stage, work: Promise<unknown>, withinMs = stuckMs): Promise<boolean> {
  const giveUpAt = performance.now() + withinMs;
  do {
    for (const name of processNames) {
      shop.process(name).disarm();
      shop.process(name).thaw();
    }
    if ((await inTime(work, patienceMs)) === 'over') return true;
  } while (performance.now() < giveUpAt);
  return false;
}

/** Whose deed it is; null when it is nobody's. */
function processOf(deed: Deed): ProcessName | null {
  if ('edge' in deed) return deed.edge;
  if ('worker' in deed) return deed.worker;
  switch (deed.do) {
    case 'empty the gate':
    case 'remember the gate':
    case 'set the gate back':
    case 'late deliveries':
    case 'thaw':
    case 'kill':
      return null;
    default:
      return 'console';
  }
}

async function disturb(stage: Stage, deed: Deed): Promise<void> {
  const { shop } = stage;
  // From before it: others go on while it is done.
  const at = now();
  switch (deed.do) {
    case 'empty the gate':
      await shop.memory.empty();
      return lost(stage, at, deed.do);
    case 'set the gate back':
      if (await shop.memory.setBack(deed.which)) lost(stage, at, deed.do);
      return;
    case 'remember the gate':
      return shop.memory.remember();
    case 'late deliveries':
      return shop.deliverLate();
    case 'thaw':
      return shop.process(deed.process).thaw();
    case 'kill':
      return shop.process(deed.process).kill();
    default:
  }
}

function lost({ faults }: Stage, at: number, detail: string): void {
  faults.push({
    at,
    until: now(),
    kind: 'gate memory',
    target: 'redis',
    detail,
    losesAcknowledged: true,
  });
}

async function doDeed(stage: Stage, deed: Deed): Promise<void> {
  switch (deed.do) {
    case 'reserve':
      await Promise.all(deed.asking.map((asking) => reserve(stage, deed.edge, requestOf(stage, asking))));
      return;
    case 'reserve again': {
      const before = newest(stage.requests, deed.which);
      if (before?.request.idempotencyKey != null) await reserve(stage, deed.edge, before.request);
      return;
    }
    case 'confirm':
    case 'cancel':
    case 'extend': {
      const ticketId = newest(stage.tickets, deed.which);
      if (ticketId === undefined) return;
      const request: CommandRequest = {
        ticketId,
        kind: deed.do,
        idempotencyKey: deed.keyed ? `command-${stage.number}` : null,
        paymentRef: deed.do === 'confirm' && deed.paid ? `payment-${ticketId.slice(-22)}` : null,
        seconds: deed.do === 'extend' ? 60 : null,
      };
      stage.told.push(request);
      return command(stage, deed.edge, request);
    }
    case 'tell again': {
      const before = newest(stage.told, deed.which);
      if (before !== undefined) await command(stage, deed.edge, before);
      return;
    }
    case 'read': {
      const ticketId = newest(stage.tickets, deed.which);
      if (ticketId !== undefined) await readTicket(stage, deed.edge, ticketId);
      return;
    }
    case 'look':
      return look(stage, deed.edge).then(() => undefined);
    case 'commit':
      await commit(stage, deed.worker);
      return answerWaiting(stage);
    case 'sweep':
      await sweep(stage, deed.worker);
      return answerWaiting(stage);
    default:
      return merchant(stage, deed);
  }
}

function requestOf(
  { saleId, schedule, number, requests }: Stage,
  { buyer, wish, keyed }: Asking,
): ReserveRequest {
  const lines = skus.flatMap((sku) =>
    wish[sku] === undefined || schedule.terms.stock[sku] === undefined ? [] : [{ sku, quantity: wish[sku] }],
  );
  const request = {
    saleId,
    buyerId: `buyer-${buyer}`,
    lines,
    idempotencyKey: keyed ? `reserve-${number}-${requests.length}` : null,
  };
  requests.push({ request, edge: 'edge 1' });
  return request;
}

function newest<One>(list: readonly One[], back: number): One | undefined {
  return list[list.length - 1 - (back % Math.max(1, list.length))];
}

async function reserve(stage: Stage, edge: EdgeName, request: ReserveRequest): Promise<string> {
  const operation = stage.history.sent({
    op: 'reserve',
    buyerId: request.buyerId,
    key: request.idempotencyKey,
    lines: request.lines?.map(({ sku, quantity }) => [sku, quantity]) ?? null,
  });
  const ended = await atEdge(stage, edge, (gate) => gate.reserve(request));
  if (!isAnswered(operation, ended)) return 'unknown';
  const { answer } = ended;
  if (answer.kind === 'refused') {
    refused(operation, answer);
    return answer.code;
  }
  answeredTicket(operation, answer.replayed ? 200 : 202, answer.ticket);
  stage.tickets.push(answer.ticket.id);
  if (!answer.replayed || !stage.givenBy.has(answer.ticket.id)) stage.givenBy.set(answer.ticket.id, edge);
  stage.story.push(
    `      ${request.buyerId} has ${answer.ticket.id.slice(-4)} at ${answer.ticket.receipt.slice(0, 9)}`,
  );
  return answer.ticket.status;
}

async function command(stage: Stage, edge: EdgeName, request: CommandRequest): Promise<void> {
  const { ticketId, kind, idempotencyKey, paymentRef, seconds } = request;
  const operation = stage.history.sent({ op: kind, ticketId, key: idempotencyKey, paymentRef, seconds });
  const ended = await atEdge(stage, edge, (gate) => gate.command(request));
  if (!isAnswered(operation, ended)) return;
  const { answer } = ended;
  if (answer.kind === 'refused') return refused(operation, answer);
  if (answer.kind === 'decided' && outcomeAnswered(operation, answer.ticket, answer.outcome)) return;
  stage.waiting.push({ operation, edge, commandId: answer.commandId });
}

/** As the edge judges it: a payment after expiry has its answer when the gate has given the units, or denied them. */
function outcomeAnswered(operation: Operation, ticket: Ticket, outcome: Outcome | undefined): boolean {
  if (outcome === undefined) return false;
  if (operation.op === 'confirm' && outcome === 'ok' && ticket.status === 'expired') return false;
  if (outcome === 'ok') answeredTicket(operation, 200, ticket);
  else refused(operation, refuse(outcome));
  return true;
}

/** Edges that wait for an outcome read the ticket again; at the end of their patience they answer with what they have. */
async function answerWaiting(stage: Stage, isLast = false): Promise<void> {
  for (const one of stage.waiting.splice(0)) {
    const { operation, edge, commandId } = one;
    const ended = await atEdge(stage, edge, (gate) => gate.readTicket(operation.ticketId ?? ''));
    // Who waited at an edge that died hears nothing.
    if (ended.kind !== 'done') continue;
    const { answer } = ended;
    if (
      answer.kind === 'ticket' &&
      outcomeAnswered(operation, answer.ticket, answer.ticket.outcomes[commandId])
    )
      continue;
    if (!isLast) stage.waiting.push(one);
    else if (answer.kind === 'ticket') answeredTicket(operation, 202, answer.ticket);
    else refused(operation, refuse('gate_unavailable'));
  }
}

async function readTicket(stage: Stage, edge: EdgeName, ticketId: string): Promise<Operation> {
  const operation = stage.history.sent({ op: 'read', ticketId });
  const ended = await atEdge(stage, edge, (gate) => gate.readTicket(ticketId));
  if (!isAnswered(operation, ended)) return operation;
  if (ended.answer.kind === 'refused') refused(operation, ended.answer);
  else answeredTicket(operation, 200, ended.answer.ticket);
  return operation;
}

async function look(stage: Stage, edge: EdgeName): Promise<Map<string, number> | null> {
  const operation = stage.history.sent({ op: 'sale' });
  const ended = await atEdge(stage, edge, (gate) => gate.readSale(stage.saleId));
  if (!isAnswered(operation, ended)) return null;
  if (ended.answer.kind === 'refused') {
    refused(operation, ended.answer);
    return null;
  }
  answeredSale(operation, ended.answer.sale);
  return new Map(ended.answer.sale.items.map(({ sku, available }) => [sku, available]));
}

async function atEdge<Answer>(
  { shop }: Stage,
  edge: EdgeName,
  ask: (gate: EdgeGate) => Promise<Answer>,
): Promise<Ended<Answer>> {
  return shop.as(edge, ({ gate }) => ask(gate));
}

function isAnswered<Answer>(
  operation: Operation,
  ended: Ended<Answer>,
): ended is Extract<Ended<Answer>, { kind: 'done' }> {
  if (ended.kind === 'failed') broke(operation);
  return ended.kind === 'done';
}

async function commit({ shop, saleId, story }: Stage, worker: WorkerName): Promise<void> {
  const ended = await shop.as(worker, ({ committer }) => committer.commitSale(saleId));
  if (ended.kind === 'failed') story.push(`      ${worker}: ${sentence(ended.error)}`);
}

async function sweep({ shop, story }: Stage, worker: WorkerName): Promise<void> {
  const ended = await shop.as(worker, (parts) => parts.sweep.sweepOnce());
  if (ended.kind === 'failed') story.push(`      ${worker}: ${sentence(ended.error)}`);
}

async function merchant(stage: Stage, deed: Deed): Promise<void> {
  const { shop, saleId, number } = stage;
  const request = { key: `desk-${saleId}-${number}`, fingerprint: String(number) };
  const ask = async (desk: Desk): Promise<DeskAnswer | null> => {
    switch (deed.do) {
      case 'restock':
      case 'withdraw':
        return desk[deed.do](saleId, skus[deed.sku] as Sku, deed.units, request);
      case 'return':
      case 'refunded': {
        const ticketId = newest(stage.tickets, deed.which);
        return ticketId === undefined ? null : desk.command(ticketId, deed.do);
      }
      case 'hold time':
        return desk.change(saleId, { holdSeconds: deed.seconds }, request);
      case 'limit':
        return desk.change(saleId, { perBuyerLimit: deed.units }, request);
      case 'pause':
      case 'resume':
      case 'close':
      case 'open':
        return desk.move(saleId, deed.do, request);
      case 'more time':
        return desk.extendHolds(saleId, 60, request);
      default:
        return null;
    }
  };
  const operation = stage.history.sent({ op: 'merchant', call: deed.do });
  const ended = await shop.as('console', ({ desk }) => ask(desk));
  if (!isAnswered(operation, ended)) return;
  const { answer } = ended;
  if (answer === null) answered(operation, 404, {});
  else if (answer.kind === 'refused') refused(operation, answer);
  else answered(operation, 200, {});
}

/** Nothing breaks any more; what was frozen goes on or is killed, and whatever is under way comes to an end. */
async function recover(stage: Stage): Promise<void> {
  const { shop, schedule, besides, story } = stage;
  story.push('    nothing breaks any more');
  for (const name of processNames) {
    const process = shop.process(name);
    process.disarm();
    if (process.isFrozen() && schedule.killsFrozen) process.kill();
    process.thaw();
  }
  shop.deliverLate();
  // A merchant waits half a minute for a withdrawal that its gate forgot; nobody waits for that here.
  if (!(await comesToAnEnd(stage, Promise.all(besides), consolePatienceMs))) shop.process('console').kill();
  if (!(await comesToAnEnd(stage, Promise.all(besides))))
    throw new Error('what was begun does not come to an end');
}

/** Sweeps until ledger and gate agree, nothing is due any more, and another pass has changed nothing. */
async function rest(stage: Stage): Promise<void> {
  const { saleId } = stage;
  let before = '';
  for (let pass = 0; pass < maxSweeps; pass += 1) {
    await sweep(stage, pass % 3 === 2 ? 'worker 2' : 'worker 1');
    const seen = await whereItIs(stage);
    if (seen.startsWith('at rest') && seen === before) return answerWaiting(stage);
    before = seen;
  }
  throw new Error(`sale ${saleId} does not come to rest: ${before}`);
}

/**
 * Buyers look until nobody is told to come again, each at the edge that gave the ticket: what it remembers and no log has
 * is queued again meanwhile.
 */
async function everyoneLooks(stage: Stage): Promise<void> {
  for (let pass = 0; pass < maxLooks; pass += 1) {
    await rest(stage);
    let isAgain = false;
    for (const [ticketId, edge] of stage.givenBy) {
      const { status, body } = await readTicket(stage, edge, ticketId);
      isAgain ||= status === 503 || (body as { status?: string } | null)?.status === 'queued';
    }
    if (!isAgain) return;
    await delay(lookAgainMs);
  }
  throw new Error('somebody is told to come again, for ever');
}

async function whereItIs({ shop, saleId }: Stage): Promise<string> {
  const ended = await shop.as('console', async ({ ledger, gate }) => {
    const at = await ledger.readSale(saleId);
    const seen = (await gate.peek([saleId])).get(saleId) ?? null;
    const due = await ledger.nextDeadline(saleId);
    if (at === null || seen === null || seen.rebuilding !== null) return 'there is no gate';
    const { epoch, committedSeq, position } = at.cursor;
    if (seen.epoch !== epoch || seen.seq !== committedSeq)
      return `the gate is at ${seen.epoch}.${seen.seq}, the ledger at ${epoch}.${committedSeq}`;
    if (seen.journalPosition !== position)
      return `the gate has ${seen.journalPosition} of ${position} events`;
    if (due !== null && due <= seen.now) return `a hold is due since ${seen.now - due} ms`;
    return `at rest at ${epoch}.${committedSeq}, ${position} events`;
  });
  return ended.kind === 'done' ? ended.answer : ended.kind;
}

/** Buyers who come until nothing is left: whatever a sale says that it has can be had. False when it is not open. */
async function sellOut(stage: Stage): Promise<boolean> {
  const { shop, saleId, schedule, story } = stage;
  story.push('    the rest is asked for');
  const ended = await shop.as('console', async ({ desk }) => {
    await desk.change(saleId, { holdSeconds: 3_600 }, null);
    await desk.move(saleId, 'resume', null);
    return desk.move(saleId, 'open', null);
  });
  if (ended.kind !== 'done') throw new Error(`the sale cannot be opened: ${JSON.stringify(ended)}`);
  await rest(stage);
  const left = await look(stage, 'edge 1');
  if (left === null) throw new Error('a sale at rest cannot be read');
  for (const sku of skus) {
    if (schedule.terms.stock[sku] === undefined) continue;
    // One more than there are: somebody is told that nothing is left, or waits.
    const many = Math.min(maxNewcomers, (left.get(sku) ?? 0) + 1);
    for (let count = 1; count <= many; count += 1) {
      const lines = [{ sku, quantity: 1 }];
      await reserve(stage, 'edge 1', {
        saleId,
        buyerId: `last-${sku}-${count}`,
        lines,
        idempotencyKey: null,
      });
    }
  }
  await rest(stage);
  return true;
}

async function closeSale(stage: Stage): Promise<void> {
  const ended = await stage.shop.as('console', ({ desk }) => desk.move(stage.saleId, 'close', null));
  if (ended.kind !== 'done') throw new Error(`the sale cannot be closed: ${JSON.stringify(ended)}`);
}
