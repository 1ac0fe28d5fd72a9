/** A small crowd over HTTP that comes at a steady rate: some pay, some walk away. */
import { Agent, type ClientRequest, get, request } from 'node:http';

export interface CrowdOptions {
  edge: string;
  saleId: string;
  skus: readonly string[];
  perSecond: number;
  /** Share of the holds that are paid, and how long that takes at most. */
  pays: number;
  payAfterMs: number;
  /** So many keep a stream of their ticket open until the crowd is stopped. */
  watches?: number;
}

export interface Crowd {
  /** Answers by status so far. */
  answers: Map<number, number>;
  /** Streams that are open, and those that said that their ticket is held. */
  watching(): number;
  heard: Set<string>;
  /** Nobody new comes; resolves when everybody was answered. */
  stop(): Promise<void>;
}

const everyMs = 50;

export function startCrowd({
  edge,
  saleId,
  skus,
  perSecond,
  pays,
  payAfterMs,
  watches = 0,
}: CrowdOptions): Crowd {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const answers = new Map<number, number>();
  const heard = new Set<string>();
  const streams: ClientRequest[] = [];
  const under = new Set<Promise<unknown>>();
  let buyers = 0;
  let owed = 0;

  const post = async (path: string, body: object) => {
    const answer = await send(agent, new URL(path, edge), body);
    answers.set(answer.status, (answers.get(answer.status) ?? 0) + 1);
    return answer;
  };
  const visit = async (number: number) => {
    const sku = skus[number % skus.length] as string;
    const { status, body } = await post(`/v1/sales/${saleId}/reservations`, {
      buyerId: `buyer-${number}`,
      lines: [{ sku, quantity: 1 + (number % 2) }],
    });
    if (status !== 202) return;
    const { id } = JSON.parse(body) as { id: string };
    if (streams.length < watches)
      streams.push(watch(new URL(`/v1/tickets/${id}/events`, edge), () => heard.add(id)));
    if (Math.random() > pays) return;
    await new Promise((resolve) => setTimeout(resolve, (0.2 + 0.8 * Math.random()) * payAfterMs));
    await post(`/v1/tickets/${id}/confirm`, {
      paymentRef: `pay-${number}`,
    });
  };
  const timer = setInterval(() => {
    owed += (perSecond * everyMs) / 1_000;
    for (; owed >= 1; owed--) {
      const visiting = visit(buyers++).catch(() => undefined);
      under.add(visiting);
      void visiting.then(() => under.delete(visiting));
    }
  }, everyMs);

  return {
    answers,
    watching: () => streams.length,
    heard,
    async stop() {
      clearInterval(timer);
      await Promise.all(under);
      for (const stream of streams) stream.destroy();
      agent.destroy();
    },
  };
}

/** One connection each, as browsers of as many buyers would have. */
function watch(url: URL, held: () => void): ClientRequest {
  const stream = get(url, { agent: false, headers: { Accept: 'text/event-stream' } }, (answer) => {
    answer.setEncoding('utf8');
    answer.on('data', (piece: string) => {
      if (piece.includes('"status":"held"')) held();
    });
    answer.on('error', () => undefined);
  });
  return stream.on('error', () => undefined);
}

function send(agent: Agent, url: URL, body: object): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      url,
      { agent, method: 'POST', headers: { 'Content-Type': 'application/json' } },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (piece: string) => {
          text += piece;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
        answer.on('error', reject);
      },
    );
    asked.on('error', reject);
    asked.end(JSON.stringify(body));
  });
}
