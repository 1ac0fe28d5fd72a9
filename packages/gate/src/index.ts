/**
 * The gate: Redis, where a unit is given. The edge asks it to admit; the commit run reads its intake, tells it what
 * became of everything, and rebuilds it when it lost its memory.
 */
export { createEdgeGate, type EdgeGateOptions, type EdgeGateTotals } from './edge/edge-gate.ts';
export { allShards, shardOf } from './keys.ts';
export { createRateLimiter, type RateLimit, type RateLimiter, type RateTaken } from './rate-limiter.ts';
export { createWorkerGate, type WorkerGateOptions } from './worker-gate.ts';
