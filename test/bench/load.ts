/**
 * The crowd, in a process of its own, so that its CPU can be told from the servers'.
 *
 * A general HTTP client costs more CPU per request than the servers under test and would measure itself.
 * This one keeps one request in flight per connection, writes bytes that were built beforehand (only the
 * buyer's digits change) and reads of an answer no more than its status and length.
 *
 * Closed loop: each connection sends again when it is answered. Open loop (`ratePerSecond`): requests are due
 * at fixed instants and latency counts from the instant a request was due, so that a slow server cannot hide
 * by being asked less often.
 */
import { connect, type Socket } from 'node:net';

export interface LoadPlan {
  host: string;
  port: number;
  connections: number;
  /** Ends the run after this many requests. */
  requests: number;
  /** Ends the run after this time, whatever is left. */
  limitSeconds: number;
  /** Open loop; closed loop when absent. */
  ratePerSecond?: number;
  ask: ReserveAsk | ReadAsk;
  /** How many bodies of 2xx answers to bring back. */
  keepBodies?: number;
}

export interface ReserveAsk {
  kind: 'reserve';
  path: string;
  sku: string;
  /** Buyers are numbered from here, each request by another one. */
  firstBuyer: number;
  /** Sends `Prefer: wait=N`. */
  waitSeconds?: number;
}

export interface ReadAsk {
  /** GET, or POST without a body. */
  kind: 'read' | 'command';
  /** Asked in turn. */
  paths: string[];
}

export interface LoadReport {
  answers: Record<string, number>;
  /** Connections lost or requests unanswered at the end. */
  failures: number;
  /** Milliseconds of the epoch, with fractions. */
  startedAt: number;
  lastAnswerAt: number;
  /** When the last 2xx answer came; 0 when there was none. */
  lastTakenAt: number;
  seconds: number;
  cpuMicros: number;
  latencyMs: { p50: number; p95: number; p99: number };
  /** The same over 2xx answers only. */
  takenLatencyMs: { p50: number; p95: number; p99: number };
  bodies: string[];
}

interface Connection {
  socket: Socket;
  sentAt: number;
  busy: boolean;
  open: boolean;
  /** Bytes of the current answer when it came in more than one piece. */
  pending: Buffer | null;
}

const readBytes = 64 * 1024;
const drainSeconds = 15;
const buyerDigits = 9;

export async function runLoad(plan: LoadPlan): Promise<LoadReport> {
  const nextRequest = requestsOf(plan);
  const latencies = new Float64Array(plan.requests);
  const taken = new Uint8Array(plan.requests);
  const answers: Record<string, number> = {};
  const bodies: string[] = [];
  const due: number[] = [];
  const idle: Connection[] = [];
  let connections: Connection[] = [];
  let dueHead = 0;
  let sent = 0;
  let answered = 0;
  let failures = 0;
  let lastAnswerAt = 0;
  let lastTakenAt = 0;
  let stopped = false;
  let finish: () => void = () => {};

  connections = await Promise.all(
    Array.from({ length: plan.connections }, () => openConnection(plan, onAnswer, onLost)),
  );
  idle.push(...connections);

  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const limit = setTimeout(stopSending, plan.limitSeconds * 1000);
  const drain = setTimeout(() => finish(), (plan.limitSeconds + drainSeconds) * 1000);

  if (plan.ratePerSecond === undefined) {
    for (const connection of idle.splice(0)) send(connection, performance.now());
  } else {
    keepPace(plan.ratePerSecond);
  }
  await finished;
  clearTimeout(limit);
  clearTimeout(drain);

  const cpu = process.cpuUsage(cpuBefore);
  failures += connections.filter((connection) => connection.busy).length;
  for (const connection of connections) connection.socket.destroy();
  const all = latencies.subarray(0, answered);
  return {
    answers,
    failures,
    startedAt: epochMs(startedAt),
    lastAnswerAt: epochMs(lastAnswerAt),
    lastTakenAt: lastTakenAt === 0 ? 0 : epochMs(lastTakenAt),
    seconds: (lastAnswerAt - startedAt) / 1000,
    cpuMicros: cpu.user + cpu.system,
    latencyMs: percentiles(all),
    takenLatencyMs: percentiles(all.filter((_, index) => taken[index] === 1)),
    bodies,
  };

  function send(connection: Connection, dueAt: number): void {
    if (sent >= plan.requests || stopped || !connection.open) {
      idle.push(connection);
      return;
    }
    sent += 1;
    connection.busy = true;
    connection.sentAt = dueAt;
    connection.socket.write(nextRequest());
  }

  function keepPace(ratePerSecond: number): void {
    let planned = 0;
    const tick = setInterval(() => {
      const now = performance.now();
      const wanted = stopped ? planned : Math.min(plan.requests, ((now - startedAt) / 1000) * ratePerSecond);
      while (planned < wanted) {
        due.push(startedAt + (planned * 1000) / ratePerSecond);
        planned += 1;
      }
      while (dueHead < due.length && idle.length > 0) {
        send(idle.pop() as Connection, due[dueHead] as number);
        dueHead += 1;
      }
      if (stopped || planned >= plan.requests) {
        if (dueHead >= due.length) clearInterval(tick);
      }
    }, 1);
  }

  function onAnswer(connection: Connection, status: number, body: () => string): void {
    const now = performance.now();
    latencies[answered] = now - connection.sentAt;
    if (status >= 200 && status < 300) {
      taken[answered] = 1;
      lastTakenAt = now;
      if (plan.keepBodies !== undefined && bodies.length < plan.keepBodies) bodies.push(body());
    }
    answered += 1;
    answers[status] = (answers[status] ?? 0) + 1;
    lastAnswerAt = now;
    connection.busy = false;
    if (plan.ratePerSecond === undefined) {
      send(connection, now);
    } else if (dueHead < due.length && !stopped) {
      send(connection, due[dueHead] as number);
      dueHead += 1;
    } else {
      idle.push(connection);
    }
    finishWhenAnswered();
  }

  function onLost(connection: Connection): void {
    if (!connection.open) return;
    connection.open = false;
    if (connection.busy) failures += 1;
    connection.busy = false;
    lastAnswerAt = performance.now();
    if (connections.every((other) => !other.open)) finish();
    finishWhenAnswered();
  }

  function stopSending(): void {
    stopped = true;
    lastAnswerAt ||= performance.now();
    finishWhenAnswered();
  }

  function finishWhenAnswered(): void {
    if (answered + failures < sent) return;
    if (stopped || sent >= plan.requests) finish();
  }
}

function requestsOf(plan: LoadPlan): () => Buffer {
  const host = `Host: ${plan.host}:${plan.port}\r\n`;
  if (plan.ask.kind !== 'reserve') {
    const [method, length] = plan.ask.kind === 'read' ? ['GET', ''] : ['POST', 'Content-Length: 0\r\n'];
    const requests = plan.ask.paths.map((path) =>
      Buffer.from(`${method} ${path} HTTP/1.1\r\n${host}Accept: application/json\r\n${length}\r\n`, 'latin1'),
    );
    let turn = -1;
    return () => {
      turn = turn + 1 < requests.length ? turn + 1 : 0;
      return requests[turn] as Buffer;
    };
  }
  const ask = plan.ask;
  const body = `{"buyerId":"b${'0'.repeat(buyerDigits)}","lines":[{"sku":"${ask.sku}","quantity":1}]}`;
  const prefer = ask.waitSeconds === undefined ? '' : `Prefer: wait=${ask.waitSeconds}\r\n`;
  const text =
    `POST ${ask.path} HTTP/1.1\r\n${host}Content-Type: application/json\r\n${prefer}` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const lastDigit = text.indexOf('"buyerId":"b') + '"buyerId":"b'.length + buyerDigits - 1;
  const template = Buffer.from(text, 'latin1');
  // A socket keeps a written buffer until the kernel takes it, so requests rotate over more buffers than
  // there are connections, each of which has one request in flight.
  const rotation = Array.from({ length: plan.connections * 2 }, () => Buffer.from(template));
  let turn = 0;
  let buyer = ask.firstBuyer;
  return () => {
    turn = turn + 1 < rotation.length ? turn + 1 : 0;
    const request = rotation[turn] as Buffer;
    let rest = buyer;
    for (let digit = 0; digit < buyerDigits; digit += 1) {
      request[lastDigit - digit] = 48 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    buyer += 1;
    return request;
  };
}

function openConnection(
  plan: LoadPlan,
  onAnswer: (connection: Connection, status: number, body: () => string) => void,
  onLost: (connection: Connection) => void,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const connection = { sentAt: 0, busy: false, open: true, pending: null } as unknown as Connection;
    const socket = connect({
      host: plan.host,
      port: plan.port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(readBytes),
        callback: (bytesRead: number, buffer: Uint8Array) => {
          const piece = Buffer.from(buffer.buffer, buffer.byteOffset, bytesRead);
          const bytes = connection.pending === null ? piece : Buffer.concat([connection.pending, piece]);
          const answer = readAnswer(bytes);
          if (answer === null) {
            connection.pending = connection.pending === null ? Buffer.from(bytes) : bytes;
            return true;
          }
          connection.pending = null;
          onAnswer(connection, answer.status, () => bytes.toString('utf8', answer.bodyStart));
          return true;
        },
      },
    });
    connection.socket = socket;
    socket.once('connect', () => resolve(connection));
    socket.on('error', (cause) => {
      reject(new Error(`connecting the load to port ${plan.port}`, { cause }));
      onLost(connection);
    });
    socket.on('close', () => onLost(connection));
  });
}

/** Null while the answer is not complete. A connection has one request in flight, so nothing follows it. */
function readAnswer(bytes: Buffer): { status: number; bodyStart: number } | null {
  const headEnd = bytes.indexOf('\r\n\r\n', 0, 'latin1');
  if (headEnd < 0) return null;
  const status = (digitAt(bytes, 9) * 10 + digitAt(bytes, 10)) * 10 + digitAt(bytes, 11);
  const bodyStart = headEnd + 4;
  if (status === 304 || status === 204) return { status, bodyStart };
  const length = contentLength(bytes, headEnd);
  if (length < 0) {
    const chunksEnd =
      bytes.length >= bodyStart + 5 && bytes.toString('latin1', bytes.length - 5) === '0\r\n\r\n';
    return chunksEnd ? { status, bodyStart } : null;
  }
  return bytes.length >= bodyStart + length ? { status, bodyStart } : null;
}

function contentLength(bytes: Buffer, headEnd: number): number {
  let at = bytes.indexOf('ontent-', 0, 'latin1');
  while (at >= 0 && at < headEnd) {
    const letter = bytes[at + 7];
    if ((letter === 108 || letter === 76) && bytes[at + 13] === 58) {
      let length = 0;
      for (let i = at + 14; i < headEnd; i += 1) {
        const byte = bytes[i] as number;
        if (byte === 13) break;
        if (byte !== 32) length = length * 10 + byte - 48;
      }
      return length;
    }
    at = bytes.indexOf('ontent-', at + 7, 'latin1');
  }
  return -1;
}

function digitAt(bytes: Buffer, at: number): number {
  return (bytes[at] as number) - 48;
}

function epochMs(at: number): number {
  return performance.timeOrigin + at;
}

function percentiles(latencies: Float64Array): { p50: number; p95: number; p99: number } {
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

if (process.send !== undefined && import.meta.main) {
  process.on('message', (plan: LoadPlan) => {
    runLoad(plan).then(
      (report) => process.send?.({ report }),
      (error: Error) => process.send?.({ fault: `${error.message}: ${String(error.cause ?? '')}` }),
    );
  });
  process.on('disconnect', () => process.exit(0));
  process.send({ ready: true });
}
