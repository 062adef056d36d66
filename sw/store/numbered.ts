import type { Table } from 'dexie';

/** The numbers that the engine gives go up by one. Beyond what it can reach a script has written them; counting on from there would come to an end. */
const NUMBER_MAX = 2 ** 52;

export const isNumbered = (key: unknown): key is number => typeof key === 'number' && Number.isSafeInteger(key) && key >= 0 && key <= NUMBER_MAX;

/** The last number that was given to a row of this table; 0: none. The browser's own count stops for good where somebody has written a row of the highest number. */
export async function lastNumber<T, Insert>(table: Table<T, number, Insert>): Promise<number> {
  const [last] = await table.toCollection().reverse().limit(1).primaryKeys();
  if (last === undefined || isNumbered(last)) return last ?? 0;
  const given = await table.where(':id').between(0, NUMBER_MAX, true, true).reverse().primaryKeys();
  return given.find(isNumbered) ?? 0;
}
