/** Units of the model's two items, item by item. */
export type Units = readonly [number, number];

export const none: Units = [0, 0];

export const plus = (a: Units, b: Units): Units => [a[0] + b[0], a[1] + b[1]];
export const minus = (a: Units, b: Units): Units => [a[0] - b[0], a[1] - b[1]];
export const highest = (a: Units, b: Units): Units => [Math.max(a[0], b[0]), Math.max(a[1], b[1])];
export const fits = (a: Units, room: Units): boolean => a[0] <= room[0] && a[1] <= room[1];
export const same = (a: Units, b: Units): boolean => a[0] === b[0] && a[1] === b[1];
export const total = (a: Units): number => a[0] + a[1];
export const sum = (all: Iterable<Units>): Units => {
  let result = none;
  for (const units of all) result = plus(result, units);
  return result;
};
