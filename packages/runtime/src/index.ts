/** How a process lives and dies. Knows none of the other packages. */
export { ConfigProblems, configOrExit, readConfig, settings } from './config.ts';
export { startHealthServer } from './health-server.ts';
export {
  closeHttpServer,
  createHttpServer,
  type HttpTimes,
  openHttpServer,
} from './http-server.ts';
export { createLifecycle, type Lifecycle } from './lifecycle.ts';
export { createLogger, type Logger, onceASecond } from './logger.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { type Readiness, readiness } from './readiness.ts';
