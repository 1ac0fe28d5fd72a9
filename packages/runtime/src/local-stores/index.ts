/**
 * Private stores: a real Postgres and a real Redis of one's own, on free ports, in a folder of one's own. They never
 * touch a server that was already there, and they do not outlive the process that started them.
 */
export { freePort, isPortFree } from './free-port.ts';
export { mopUpFolder, mopUpProcess } from './mop-up.ts';
export { type PostgresOptions, removePostgres, startPostgres } from './postgres.ts';
export { identityOf, isSameProcess } from './process-identity.ts';
export { type RedisOptions, startRedis } from './redis.ts';
export { onPath, programOf } from './program.ts';
export { redisBinary } from './redis-binary.ts';
export type { Store } from './store-process.ts';
export { temporaryFolder } from './temporary-folder.ts';
