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
