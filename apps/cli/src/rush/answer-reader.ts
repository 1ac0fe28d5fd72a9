/**
 * Reads HTTP/1.1 answers from bytes as they come, in any pieces. The crowd has its own reader because Node's
 * client costs five times as much per request, and the crowd shares two cores with the stack that it measures.
 */
interface AnswerParts {
  head(status: number, head: string): void;
  body(piece: Buffer): void;
  /** The answer is complete; `reusable` is false when the server will close the connection. */
  end(reusable: boolean): void;
}

/** `feed` throws on bytes that are no HTTP/1.1 answer. `close` ends an answer whose length is "until closed". */
export function createAnswerReader(parts: AnswerParts) {
  let phase: Phase = 'head';
  let rest: Buffer = EMPTY;
  let left = 0;
  let reusable = true;

  return {
    feed(data: Buffer): void {
      let bytes = rest.length === 0 ? data : Buffer.concat([rest, data]);
      rest = EMPTY;
      while (bytes.length > 0) {
        const used = step(bytes);
        if (used === 0) {
          if (bytes.length > LINE_MAX_BYTES) throw new Error(`no end of ${phase} in ${LINE_MAX_BYTES} bytes`);
          rest = bytes;
          return;
        }
        bytes = bytes.subarray(used);
      }
    },
    /** True when the answer was complete with the end of the connection. */
    close(): boolean {
      if (phase !== 'until-closed') return false;
      finish();
      return true;
    },
  };

  /** Takes what it can from the front and says how many bytes; 0 when it needs more to go on. */
  function step(bytes: Buffer): number {
    switch (phase) {
      case 'head':
        return readHead(bytes);
      case 'counted':
      case 'chunk': {
        const piece = bytes.subarray(0, left);
        left -= piece.length;
        parts.body(piece);
        if (left === 0) {
          if (phase === 'counted') finish();
          else phase = 'chunk-end';
        }
        return piece.length;
      }
      case 'until-closed':
        parts.body(bytes);
        return bytes.length;
      case 'chunk-size': {
        const end = bytes.indexOf('\r\n');
        if (end < 0) return 0;
        left = Number.parseInt(bytes.toString('latin1', 0, end), 16);
        if (!Number.isSafeInteger(left) || left < 0) throw new Error('a chunk without a size');
        phase = left === 0 ? 'trailer' : 'chunk';
        return end + 2;
      }
      case 'chunk-end':
        if (bytes.length < 2) return 0;
        phase = 'chunk-size';
        return 2;
      case 'trailer': {
        const end = bytes.indexOf('\r\n');
        if (end < 0) return 0;
        if (end === 0) finish();
        return end + 2;
      }
    }
  }

  function readHead(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return 0;
    const head = bytes.toString('latin1', 0, end);
    const status = Number(head.slice(9, 12));
    if (!head.startsWith('HTTP/1.') || !(status >= 100 && status <= 599))
      throw new Error('not an HTTP/1.1 answer');
    if (status < 200) return end + 4;
    reusable = headerOf(head, 'connection')?.toLowerCase() !== 'close';
    parts.head(status, head);
    const length = headerOf(head, 'content-length');
    if (status === 204 || status === 304 || length === '0') finish();
    else if (length !== undefined) {
      left = Number(length);
      if (!Number.isSafeInteger(left) || left < 0) throw new Error('a length that is no number');
      phase = 'counted';
    } else if (headerOf(head, 'transfer-encoding')?.toLowerCase() === 'chunked') phase = 'chunk-size';
    else {
      phase = 'until-closed';
      reusable = false;
    }
    return end + 4;
  }

  function finish(): void {
    phase = 'head';
    parts.end(reusable);
  }
}

/** The value of a header in an answer's head, or undefined. `name` in lower case. */
export function headerOf(head: string, name: string): string | undefined {
  let from = head.indexOf('\r\n');
  while (from >= 0) {
    const start = from + 2;
    const end = head.indexOf('\r\n', start);
    if (
      head.charCodeAt(start + name.length) === COLON &&
      head.slice(start, start + name.length).toLowerCase() === name
    ) {
      return head.slice(start + name.length + 1, end < 0 ? undefined : end).trim();
    }
    from = end;
  }
  return undefined;
}

type Phase = 'head' | 'counted' | 'until-closed' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer';

const EMPTY = Buffer.alloc(0);
const COLON = 58;
const LINE_MAX_BYTES = 65_536;
