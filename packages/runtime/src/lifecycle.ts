import type { Logger } from './logger.ts';

export interface Part {
  name: string;
  stop(): Promise<unknown> | unknown;
}

export interface Lifecycle {
  /** Remembers what was started; parts are stopped in reverse order. */
  add<Started>(
    name: string,
    started: Started,
    stop: (started: Started) => Promise<unknown> | unknown,
  ): Started;
  /** Stops everything and ends the process; a second call changes nothing. */
  stop(reason: string, exitCode?: number): Promise<void>;
  /** Aborted when the process begins to stop. */
  readonly stopping: AbortSignal;
}

/** All of a stop: what is not done by then is cut off. Below the ten seconds that a supervisor waits. */
const stopWithinMs = 8_000;

/**
 * How a process lives and dies: SIGTERM and SIGINT stop it in order (twice is one stop), an error that nobody caught
 * ends it with code 1, and so does the end of the supervisor that started it with a channel.
 */
export function createLifecycle(log: Logger): Lifecycle {
  const parts: Part[] = [];
  const stopping = new AbortController();

  async function stop(reason: string, exitCode = 0): Promise<void> {
    if (stopping.signal.aborted) return;
    stopping.abort();
    log.info({ reason }, 'stopping');
    setTimeout(() => {
      log.error({ reason, withinMs: stopWithinMs }, 'not everything stopped in time');
      process.exit(1);
    }, stopWithinMs).unref();
    for (const part of parts.reverse()) {
      try {
        await part.stop();
      } catch (error) {
        log.error({ err: error, part: part.name }, 'a part did not stop cleanly');
      }
    }
    process.exit(exitCode);
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
  process.on('disconnect', () => void stop('the supervisor is gone'));
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log.error({ err: error }, 'an error that nobody caught');
      void stop(event, 1);
    });
  }
  return {
    add(name, started, stopPart) {
      parts.push({ name, stop: () => stopPart(started) });
      return started;
    },
    stop,
    stopping: stopping.signal,
  };
}
