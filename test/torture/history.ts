/** What clients saw, a line an operation, written as it comes. */
import { createWriteStream, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

export interface Operation {
  op: 'reserve' | 'join' | 'confirm' | 'cancel' | 'extend' | 'read' | 'frame' | 'sale' | 'merchant';
  saleId: string;
  ticketId: string | null;
  buyerId: string | null;
  key: string | null;
  lines: [string, number][] | null;
  paymentRef: string | null;
  sentAt: number;
  /** Null: no answer came, and what became of it is unknown. */
  answeredAt: number | null;
  status: number | null;
  body: object | null;
  stream?: string;
  call?: string;
}

export interface History {
  note(operation: Operation): void;
  /** Answers so far, by what was asked, status and code. */
  readonly answers: Map<string, number>;
  readonly operations: number;
  /** Told of each operation as it is noted. */
  onNote(listener: (operation: Operation) => void): void;
  close(): Promise<void>;
}

export function createHistory(file: string): History {
  const out: WriteStream = createWriteStream(file);
  const answers = new Map<string, number>();
  const listeners: ((operation: Operation) => void)[] = [];
  let operations = 0;
  return {
    note(operation) {
      operations += 1;
      const kind = kindOf(operation);
      answers.set(kind, (answers.get(kind) ?? 0) + 1);
      out.write(`${JSON.stringify(operation)}\n`);
      for (const listener of listeners) listener(operation);
    },
    answers,
    get operations() {
      return operations;
    },
    onNote: (listener) => void listeners.push(listener),
    async close() {
      out.end();
      await finished(out);
    },
  };
}

function kindOf({ op, status, body, call }: Operation): string {
  const asked = call === undefined ? op : `${op} ${call}`;
  if (status === null) return `${asked}: no answer`;
  const code = body !== null && 'code' in body ? ` ${String(body.code)}` : '';
  const state = code === '' && body !== null && 'status' in body && op !== 'sale' && op !== 'merchant';
  return `${asked}: ${status}${code}${state ? ` ${String((body as { status: unknown }).status)}` : ''}`;
}
