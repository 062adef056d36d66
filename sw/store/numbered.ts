import type { Table } from 'dexie';

/**
 * The engine numbers rows upwards by one and cannot reach this number. A script has written any
 * higher number; counting on from there would overflow.
 */
const NUMBER_MAX = 2 ** 52;

export const isNumbered = (key: unknown): key is number =>
  typeof key === 'number' && Number.isSafeInteger(key) && key >= 0 && key <= NUMBER_MAX;

/**
 * Returns the last number given to a row of this table, or 0. The browser's own counter is not
 * used: a row with the highest number, written by a script, stops that counter for good.
 */
export async function lastNumber<T, Insert>(table: Table<T, number, Insert>): Promise<number> {
  const [last] = await table.toCollection().reverse().limit(1).primaryKeys();
  if (last === undefined || isNumbered(last)) return last ?? 0;
  const given = await table.where(':id').between(0, NUMBER_MAX, true, true).reverse().primaryKeys();
  return given.find(isNumbered) ?? 0;
}
