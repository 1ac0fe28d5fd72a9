import { pino } from 'pino';

export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** One JSON line per event on standard output. Tokens, keys and bodies never get into it, whoever logs them by mistake. */
export function createLogger(app: string, level: string): Logger {
  return pino({
    level,
    base: { app, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: (fault: unknown) => faultFields(fault) },
    redact: {
      paths: [
        'authorization',
        '*.authorization',
        'headers.authorization',
        'body',
        '*.body',
        'token',
        '*.token',
        'adminKey',
        'password',
        'secretKey',
        'webhookSecret',
        'clientSecret',
      ],
      censor: '[redacted]',
    },
  });
}

const longestCause = 5;

/**
 * What is told of a fault. Its other fields stay out of the log: a client of Redis hangs the whole command on it, with
 * passwords and keys among its arguments, and one of Postgres the row that was refused.
 */
function faultFields(fault: unknown, depth = 0): unknown {
  if (!(fault instanceof Error)) return { type: typeof fault };
  const { name, message, stack, cause } = fault;
  const code = (fault as { code?: unknown }).code;
  return {
    type: name,
    message,
    ...(typeof code === 'string' && { code }),
    stack,
    ...(cause !== undefined && depth < longestCause && { cause: faultFields(cause, depth + 1) }),
  };
}

/**
 * Logs a repeated fault once a second at most, with how often it came: a store that is away would otherwise fill the
 * disk with its absence.
 */
export function onceASecond(
  log: (fields: object, message: string) => void,
  message: string,
): (error: Error) => void {
  let silentUntil = 0;
  let times = 0;
  return (error) => {
    times++;
    const now = performance.now();
    if (now < silentUntil) return;
    log({ err: error, times }, message);
    silentUntil = now + 1_000;
    times = 0;
  };
}
