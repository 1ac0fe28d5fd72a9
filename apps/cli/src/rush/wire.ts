import { connect } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { createAnswerReader } from './answer-reader.ts';

export interface Address {
  host: string;
  port: number;
}

/** One whole answer; times in milliseconds of `performance.now()`. */
export interface Answer {
  status: number;
  head: string;
  body: string;
  sentAtMs: number;
  receivedAtMs: number;
}

/**
 * One keep-alive connection, one question at a time. `ask` rejects when the connection ends or stands still
 * before the answer is whole; the wire is then of no use any more.
 * `onText`, when given, gets the body of a 200 as it comes (an event stream) instead of in the answer.
 */
export interface Wire {
  ask(request: string, onText?: (text: string) => void): Promise<Answer>;
  usable(): boolean;
  close(): void;
}

/** Longer than the 15 s between two comments of an event stream, and than any answer may take. */
export const SILENCE_MAX_MS = 20_000;

/** Resolves once connected; rejects when the edge does not take the connection within `SILENCE_MAX_MS`. */
export function openWire(address: Address): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...address, noDelay: true });
    let question: Question | undefined;
    let usable = true;

    const reader = createAnswerReader({
      head(status, head) {
        if (question === undefined) throw new Error('an answer nobody asked for');
        question.status = status;
        question.head = head;
      },
      body(piece) {
        if (question === undefined) return;
        if (question.onText !== undefined && question.status === 200) {
          question.onText(question.decoder.write(piece));
        } else question.pieces.push(piece);
      },
      end(reusable) {
        if (!reusable) usable = false;
        answerWith(question);
        if (!reusable) socket.destroy();
      },
    });

    function answerWith(asked: Question | undefined): void {
      question = undefined;
      if (asked === undefined) return;
      const { status, head, sentAtMs, pieces } = asked;
      const body =
        pieces.length === 1 ? String(pieces[0]) : pieces.length === 0 ? '' : Buffer.concat(pieces).toString();
      asked.resolve({ status, head, body, sentAtMs, receivedAtMs: performance.now() });
    }

    function fail(cause: unknown): void {
      usable = false;
      socket.destroy();
      const asked = question;
      question = undefined;
      asked?.reject(new Error('the connection ended before the answer', { cause }));
      reject(new Error(`no connection to ${address.host}:${address.port}`, { cause }));
    }

    socket.setTimeout(SILENCE_MAX_MS, () => fail(new Error(`silent for ${SILENCE_MAX_MS} ms`)));
    socket.on('data', (data) => {
      try {
        reader.feed(data);
      } catch (cause) {
        fail(cause);
      }
    });
    socket.on('error', fail);
    socket.on('close', () => {
      if (!reader.close()) fail(new Error('closed'));
    });
    socket.on('connect', () =>
      resolve({
        ask(request, onText) {
          if (!usable) return Promise.reject(new Error('the connection is closed'));
          return new Promise((answer, fault) => {
            const decoder = onText === undefined ? PLAIN : new StringDecoder();
            const sentAtMs = performance.now();
            question = {
              resolve: answer,
              reject: fault,
              onText,
              decoder,
              status: 0,
              head: '',
              pieces: [],
              sentAtMs,
            };
            socket.write(request);
          });
        },
        usable: () => usable && question === undefined,
        close() {
          usable = false;
          socket.destroy();
        },
      }),
    );
  });
}

interface Question {
  resolve(answer: Answer): void;
  reject(fault: Error): void;
  onText: ((text: string) => void) | undefined;
  decoder: StringDecoder;
  status: number;
  head: string;
  pieces: Buffer[];
  sentAtMs: number;
}

/** Unused where the body is taken whole. */
const PLAIN = new StringDecoder();
