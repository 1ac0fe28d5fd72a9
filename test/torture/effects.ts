/**
 * Every effect of a process, seen where it leaves the process and where its reply comes back: Redis commands (a script
 * by its name), Postgres statements (by theirs), jobs of the queue, HTTP answers. Crash points are derived from these
 * and not written into the sources: so none is forgotten, and production pays nothing for them.
 */
import { createHash } from 'node:crypto';
import { ServerResponse } from 'node:http';
import { Redis } from 'ioredis';
import pg from 'pg';

/** What carries an effect: a connection, or the answer itself. */
export type Carrier = Redis | pg.Client | ServerResponse;

/**
 * What becomes of an effect, or of its reply. Nothing: it goes on. `never`: nobody hears of it any more. An error: the
 * caller gets that instead. A promise: it goes on when that is resolved.
 */
export type Verdict = undefined | 'never' | Error | Promise<void>;

export interface Watcher {
  /**
   * `point` is `<room>:<verb>`, like `gate:admit`, `ledger:commit`, `queue:addStandardJob`, `answer`. `deliver` has it
   * carried out in any case, whatever the verdict was; for Redis only.
   */
  before(point: string, carrier: Carrier, deliver: () => void): Verdict;
  after(point: string, carrier: Carrier): Verdict;
  /** A connection is about to be opened. */
  opened?(carrier: Carrier): void;
}

/** Wraps the libraries' own doors, once per process. */
export function watchEffects(watcher: Watcher): void {
  watchRedis(watcher);
  watchPostgres(watcher);
  watchAnswers(watcher);
}

// ---- Redis --------------------------------------------------------------------------------------------------------

interface RedisCommand {
  name: string;
  args: unknown[];
  promise: Promise<unknown>;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** What a connection says of itself before it is used, and what only listens. */
const silent = new Set([
  'hello',
  'auth',
  'info',
  'client',
  'select',
  'subscribe',
  'unsubscribe',
  'ping',
  'quit',
]);

function watchRedis(watcher: Watcher): void {
  const prototype = Redis.prototype as unknown as {
    sendCommand(this: Redis, command: RedisCommand, stream?: unknown): Promise<unknown>;
    defineCommand(this: Redis, name: string, definition: { lua: string }): void;
    connect(this: Redis, ...args: unknown[]): Promise<void>;
  };
  const scripts = new Map<string, string>();
  const seen = new WeakSet<RedisCommand>();
  const { sendCommand, defineCommand, connect } = prototype;

  prototype.connect = function (...args) {
    watcher.opened?.(this);
    return connect.apply(this, args);
  };
  prototype.defineCommand = function (name, definition) {
    scripts.set(createHash('sha1').update(definition.lua).digest('hex'), name);
    return defineCommand.call(this, name, definition);
  };
  prototype.sendCommand = function (command, stream) {
    // A command that waited for its connection comes by again.
    if (silent.has(command.name) || seen.has(command)) return sendCommand.call(this, command, stream);
    seen.add(command);
    const point = redisPoint(this, command, scripts);
    const { resolve, reject } = command;
    command.resolve = (value) => heard(watcher.after(point, this), () => resolve(value), reject);
    command.reject = (error) => heard(watcher.after(point, this), () => reject(error), reject);
    const send = () => void sendCommand.call(this, command, stream).catch(() => undefined);
    const verdict = watcher.before(point, this, stream === undefined ? send : () => undefined);
    if (verdict === undefined) return sendCommand.call(this, command, stream);
    if (verdict === 'never') return command.promise;
    if (verdict instanceof Error) {
      // One of a pipeline cannot be left out: the others are written together with it.
      if (stream !== undefined) return sendCommand.call(this, command, stream);
      reject(verdict);
      return command.promise;
    }
    void verdict.then(send);
    return command.promise;
  };
}

function redisPoint(redis: Redis, command: RedisCommand, scripts: ReadonlyMap<string, string>): string {
  const script = command.name === 'evalsha' ? scripts.get(String(command.args[0])) : undefined;
  if (script?.startsWith('holdfast:') === true) return `gate:${script.slice('holdfast:'.length)}`;
  const connection = redis.options.connectionName ?? '';
  const room = /producer|commit|webhook|queue/.test(connection) || script !== undefined ? 'queue' : 'gate';
  // The queue's scripts carry its version behind a colon.
  return `${room}:${(script ?? command.name).split(':')[0]}`;
}

// ---- Postgres -----------------------------------------------------------------------------------------------------

type Callback = (error: Error | undefined, result?: unknown) => void;
type Query = (this: pg.Client, config: unknown, values?: unknown, callback?: unknown) => unknown;

function watchPostgres(watcher: Watcher): void {
  const prototype = pg.Client.prototype as unknown as {
    query: Query;
    connect(this: pg.Client, ...args: unknown[]): unknown;
  };
  const { query, connect } = prototype;

  prototype.connect = function (...args) {
    watcher.opened?.(this);
    return connect.apply(this, args);
  };
  prototype.query = function (config, values, callback) {
    if (config === null || typeof (config as { submit?: unknown }).submit === 'function')
      return query.call(this, config, values, callback);
    const point = `ledger:${statementName(config)}`;
    const done = (typeof values === 'function' ? values : callback) as Callback | undefined;
    const args = typeof values === 'function' ? undefined : values;
    const send = (answer: Callback) => {
      const verdict = watcher.before(point, this, () => undefined);
      const ask = () =>
        void query.call(this, config, args, (error: Error | undefined, result: unknown) =>
          heard(
            watcher.after(point, this),
            () => answer(error, result),
            (instead) => answer(instead),
          ),
        );
      if (verdict === undefined) ask();
      else if (verdict instanceof Error) process.nextTick(answer, verdict);
      else if (verdict !== 'never') void verdict.then(ask);
    };
    if (done !== undefined) return send(done);
    return new Promise((resolve, reject) => {
      send((error, result) => (error ? reject(error) : resolve(result)));
    });
  };
}

/** A statement's own name; of one without, its verb and the table that it is about. */
function statementName(config: unknown): string {
  const { name, text } =
    typeof config === 'string' ? { name: undefined, text: config } : (config as pg.QueryConfig);
  if (name !== undefined) return name;
  const words = text
    .trim()
    .toLowerCase()
    .replace(/["(),]/g, ' ')
    .split(/\s+/);
  const [verb = ''] = words;
  const table = /\b(?:into|from|update|table)\s+"?([a-z_]+)/i.exec(text)?.[1];
  return table === undefined ? verb : `${verb}-${table.toLowerCase()}`;
}

// ---- answers ------------------------------------------------------------------------------------------------------

type Ending = (this: ServerResponse, ...args: unknown[]) => ServerResponse;

function watchAnswers(watcher: Watcher): void {
  const prototype = ServerResponse.prototype as unknown as { end: Ending };
  const { end } = prototype;
  prototype.end = function (...args) {
    // Only a process that is killed for good is watched here; what it answers is not held back.
    void watcher.before('answer', this, () => undefined);
    this.once('finish', () => void watcher.after('answer', this));
    return end.apply(this, args);
  };
}

function heard(verdict: Verdict, goOn: () => void, fail: (error: Error) => void): void {
  if (verdict === undefined) goOn();
  else if (verdict instanceof Error) fail(verdict);
  else if (verdict !== 'never') void verdict.then(goOn);
}
