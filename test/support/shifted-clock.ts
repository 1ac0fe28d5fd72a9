/**
 * Loaded before everything else (`node --import`), it makes the clock of a process wrong by `SHIFT_CLOCK_MS`
 * milliseconds: of all that asks for the time of day, its own code and its libraries'. Time that is only measured goes on
 * as it does.
 */
const shiftMs = Number(process.env['SHIFT_CLOCK_MS'] ?? 0);
const Right = Date;
const now = () => Right.now() + shiftMs;

globalThis.Date = new Proxy(Right, {
  construct: (target, parts, of) => Reflect.construct(target, parts.length === 0 ? [now()] : parts, of),
  apply: () => new Right(now()).toString(),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});
